"""The message page, its frame, its plain text and its downloads."""

import re
from collections.abc import AsyncIterator
from functools import partial

from quart import Response, abort, g, make_response, render_template, request

from service.core.sheet import Sheet
from service.core.states import MessageKind
from service.core.text import one_line
from service.mailbox.archive import Archive, Member
from service.mailbox.deliveries import get_delivery, get_neighbours, is_unread, mark_read
from service.mailbox.opening import open_delivery
from service.mailbox.shown import preview_body, show_body
from service.mime.names import content_disposition, unique_names
from service.mime.notes import DAMAGED
from service.portal.language import gettext as _
from service.portal.language import language
from service.portal.mailbox.blueprint import mailbox, open_message, reader, side_of
from service.portal.mailbox.files import served_type
from service.portal.mailbox.frame import frame_document, frame_headers, print_document
from service.portal.mailbox.rows import (
    file_name,
    find_file,
    initials,
    list_files,
    notes_of,
    others,
    read_id,
    split_subject,
)
from service.portal.session import signed_in
from service.portal.state import portal

DOWNLOAD_POLICY = "sandbox; default-src 'none'"
"""A file that a browser shows all the same may do nothing there."""
HEIGHTS = (8, 16, 28, 46)
"""Lines; the frame cannot be measured, so the page picks one of a few heights."""


@mailbox.get("/m/<delivery>")
@signed_in
async def message(delivery: str) -> str | Response:
    on, who = portal(), reader()
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
        newer, older = await get_neighbours(session, who.recipient_id, opened.delivery, g.now)
    shown, hidden = list_files(opened.sheet)
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
        hidden=hidden,
        files_size=sum(file.size for file in shown),
        notes=notes_of(opened.sheet),
        is_cut=preview.is_cut,
        has_remote_pictures=preview.has_remote_pictures,
        shows_remote=request.args.get("images") == "1",
        height=1 + sum(preview.lines > lines for lines in HEIGHTS),
        newer=newer.hex if newer else "",
        older=older.hex if older else "",
        sent=await _sent_to(request.args.get("sent", "")),
        **beside,
    )


@mailbox.get("/m/<delivery>/body")
@signed_in
async def body(delivery: str) -> Response:
    shows_remote = request.args.get("images") == "1"
    return await _frame(delivery, shows_remote=shows_remote, plain=False)


@mailbox.get("/m/<delivery>/text")
@signed_in
async def text(delivery: str) -> Response:
    return await _frame(delivery, shows_remote=False, plain=True)


@mailbox.get("/m/<delivery>/print")
@signed_in
async def print_page(delivery: str) -> Response:
    """Show head, list of files and text, ready for paper. It is no showing: the message page was."""
    opened, content = await open_message(delivery)
    if opened.message.kind is MessageKind.DRAFT:
        abort(404)
    shows_remote = request.args.get("images") == "1"
    shown = await show_body(content, opened.sheet, shows_remote=shows_remote)
    head = await render_template(
        "mailbox/print.html",
        sheet=opened.sheet,
        is_checked=opened.is_checked,
        expires_at=opened.delivery.expires_at,
        files=list_files(opened.sheet)[0],
        is_cut=shown.is_cut,
        is_damaged=bool(DAMAGED & notes_of(opened.sheet)),
    )
    title = opened.sheet.subject or _("(no subject)")
    response = await make_response(print_document(head, shown, title=title, language=language()))
    assert isinstance(response, Response)
    response.headers.update(frame_headers(shows_remote=shows_remote))
    return response


@mailbox.get("/m/<delivery>/file/<int:number>")
@signed_in
async def file(delivery: str, number: int) -> Response:
    opened, content = await open_message(delivery)
    part = find_file(opened.sheet, number)
    if part is None:
        abort(404)
    return await _download(content.open_part(part), file_name(part), served_type(part.type), part.size)


@mailbox.get("/m/<delivery>/message.eml")
@signed_in
async def source(delivery: str) -> Response:
    opened, content = await open_message(delivery)
    if not opened.sheet.source_length:
        abort(404)
    name = _file_stem(opened.sheet)
    return await _download(content.open_source(), f"{name}.eml", "application/octet-stream", opened.sheet.source_length)


@mailbox.get("/m/<delivery>/files.zip")
@signed_in
async def all_files(delivery: str) -> Response:
    opened, content = await open_message(delivery)
    shown, _hidden = list_files(opened.sheet)
    if len(shown) < 2:
        abort(404)
    numbers = {file.number for file in shown}
    parts = [part for part in opened.sheet.parts if part.number in numbers]
    names = unique_names(file_name(part) for part in parts)
    members = [
        Member(name, part.size, partial(content.open_part, part)) for name, part in zip(names, parts, strict=True)
    ]
    archive = Archive(members, opened.sheet.sent_at.astimezone(reader().zone))
    await archive.prepare()
    return await _download(archive.stream(), f"{_file_stem(opened.sheet)}.zip", "application/zip", archive.length)


def _file_stem(sheet: Sheet) -> str:
    return re.sub(r"[/\\]", "_", one_line(sheet.subject, 80)) or "message"


async def _frame(delivery: str, *, shows_remote: bool, plain: bool) -> Response:
    opened, content = await open_message(delivery)
    shown = await show_body(content, opened.sheet, shows_remote=shows_remote, plain=plain)
    document = frame_document(shown, title=_("Text of the message"), language=language(), theme=reader().theme)
    response = await make_response(document)
    assert isinstance(response, Response)
    response.headers.update(frame_headers(shows_remote=shows_remote))
    return response


async def _download(pieces: AsyncIterator[bytes], name: str, type_: str, size: int) -> Response:
    """Answer with a file as it opens. What breaks on the way breaks the connection: a cut file must not look whole."""
    first = await anext(pieces, b"")

    async def all_pieces() -> AsyncIterator[bytes]:
        if first:
            yield first
        async for piece in pieces:
            yield piece

    response = await make_response(all_pieces())
    assert isinstance(response, Response)
    response.timeout = None  # a slow line is no fault
    response.headers.update(
        {
            "Content-Type": type_,
            "Content-Disposition": content_disposition(name),
            "Content-Length": str(size),
            "Content-Security-Policy": DOWNLOAD_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
    )
    return response


async def _sent_to(text_id: str) -> Sheet | None:
    """Find the reply that was just sent, to say so."""
    on, who = portal(), reader()
    delivery_id = read_id(text_id)
    if delivery_id is None:
        return None
    async with on.db.reading() as session:
        delivery = await get_delivery(session, who.recipient_id, delivery_id, g.now)
    if delivery is None or delivery.message.kind is not MessageKind.REPLY:
        return None
    return open_delivery(on.ring, who.key, delivery).sheet
