"""The head of a message in full: everybody it names, its times and sizes, and the top of the mail as it came."""

from quart import abort, render_template

from service.core.states import MessageKind
from service.mailbox.source import read_header
from service.portal.mailbox.blueprint import mailbox, open_message, side_of
from service.portal.mailbox.rows import list_files
from service.portal.session import signed_in
from service.portal.state import portal


@mailbox.get("/m/<delivery>/details")
@signed_in
async def details(delivery: str) -> str:
    opened, content = await open_message(delivery)
    if opened.message.kind is MessageKind.DRAFT:
        abort(404)
    async with portal().db.reading() as session:
        beside = await side_of(session, opened.delivery)
    shown, hidden = list_files(opened.sheet)
    return await render_template(
        "mailbox/details.html",
        id=opened.delivery.id.hex,
        sheet=opened.sheet,
        message=opened.message,
        expires_at=opened.delivery.expires_at,
        is_own=opened.message.kind is not MessageKind.RECEIVED,
        files=len(shown) + len(hidden),
        header=await read_header(content) if opened.sheet.source_length else "",
        **beside,
    )
