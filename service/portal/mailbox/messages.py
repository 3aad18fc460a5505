"""The message page: who wrote, until when, the files, and the text in a frame of its own."""

from quart import Response, abort, g, render_template, request

from service.core.sheet import Role
from service.core.states import MessageKind
from service.mailbox.deliveries import get_neighbours, mark_read
from service.mailbox.order import is_unread
from service.mailbox.shown import preview_body
from service.mime.roles import view
from service.portal.mailbox.blueprint import mailbox, open_message, reader, side_of
from service.portal.mailbox.places import read_page
from service.portal.mailbox.rows import initials, list_files, notes_of, others, split_subject
from service.portal.mailbox.sent import just_sent, reached_by
from service.portal.mailbox.texts import shows_remote
from service.portal.mailbox.thread import read_thread
from service.portal.session import signed_in
from service.portal.state import portal

FILES_SHOWN = 20
"""The others stand folded below, one line each."""
PEOPLE_SHOWN = 10
"""Of To and of Cc; all of them stand on the page of details."""
HEIGHTS = (8, 16, 28, 46)
"""Lines; the frame cannot be measured, so the page picks one of a few heights."""


@mailbox.get("/m/<delivery>")
@signed_in
async def message(delivery: str) -> str | Response:
    on, who, page = portal(), reader(), read_page(request.args)
    opened, content = await open_message(delivery)
    if opened.message.kind is MessageKind.DRAFT:
        abort(404)
    preview = await preview_body(content, opened.sheet)
    is_shown = request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", "")
    if is_shown and (opened.delivery.read_at is None or is_unread(opened.delivery)):
        async with on.db.writing() as session:
            await mark_read(session, on.ring, opened.delivery, g.now, is_automatic=opened.sheet.automatic)
    async with on.db.reading() as session:
        beside = await side_of(session, opened.delivery)
        newer, older = await get_neighbours(
            session, who.recipient_id, opened.delivery, g.now, sort=page.sort, show=page.show
        )
        thread, has_longer_thread = await read_thread(session, opened.message)
        reached = await reached_by(session, opened)
    shown, hidden = list_files(opened.sheet)
    remote, has_html = shows_remote(), any(part.role is Role.BODY_HTML for part in view(opened.sheet.parts))
    return await render_template(
        "mailbox/message.html",
        id=opened.delivery.id.hex,
        sheet=opened.sheet,
        is_own=opened.message.kind is not MessageKind.RECEIVED,
        is_checked=opened.is_checked,
        subject=split_subject(opened.sheet.subject),
        sender_initials=initials(opened.sheet.sender),
        others=others(opened.sheet, who.address),
        expires_at=opened.delivery.expires_at,
        files=shown,
        files_shown=FILES_SHOWN,
        people_shown=PEOPLE_SHOWN,
        hidden=hidden,
        files_size=sum(file.size for file in shown),
        notes=notes_of(opened.sheet),
        is_cut=preview.is_cut,
        has_remote_pictures=preview.has_remote_pictures,
        shows_remote=remote,
        images={True: 1, False: 0}[remote] if remote != who.preferences.remote_pictures else None,
        has_html=has_html,
        is_plain=has_html and _is_plain(),
        height=1 + sum(preview.lines > lines for lines in HEIGHTS),
        newer=newer.hex if newer else "",
        older=older.hex if older else "",
        page=page,
        thread=thread,
        has_longer_thread=has_longer_thread,
        reached=reached,
        sent=await just_sent(request.args.get("sent", "")),
        **beside,
    )


def _is_plain() -> bool:
    """Say whether the text is shown without its formatting: as asked for this message, else as the reader prefers."""
    return {"plain": True, "html": False}.get(request.args.get("view", ""), reader().preferences.plain_first)
