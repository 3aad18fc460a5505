"""The page between a link in a mail and where it leads.

It knows links by their number in a message of the reader's: no address comes in from outside, none is followed by
itself.
"""

from quart import abort, render_template

from service.core.addresses import form_of
from service.core.sheet import Sheet
from service.core.states import MessageKind
from service.mailbox.links import Kind, read_target
from service.mailbox.shown import find_link
from service.portal.mailbox.blueprint import mailbox, open_message, side_of
from service.portal.mailbox.turns import text_turn
from service.portal.session import signed_in
from service.portal.state import portal


@mailbox.get("/m/<delivery>/link/<int:number>")
@signed_in
async def leave(delivery: str, number: int) -> str:
    return await _leave(delivery, number, plain=False)


@mailbox.get("/m/<delivery>/text/link/<int:number>")
@signed_in
async def leave_text(delivery: str, number: int) -> str:
    return await _leave(delivery, number, plain=True)


async def _leave(delivery: str, number: int, *, plain: bool) -> str:
    on = portal()
    opened, content = await open_message(delivery)
    if opened.message.kind is MessageKind.DRAFT:
        abort(404)
    async with text_turn():
        url = await find_link(content, opened.sheet, number, plain=plain)
    if url is None:
        abort(404)
    target = read_target(url)
    async with on.db.reading() as session:
        beside = await side_of(session, opened.delivery)
    people = _people(opened.sheet)
    return await render_template(
        "mailbox/leaving.html",
        id=opened.delivery.id.hex,
        sheet=opened.sheet,
        target=target,
        Kind=Kind,
        addresses=[(one, on.settings.inside.holds(one), form_of(one) in people) for one in target.addresses],
        is_here=target.kind is Kind.WEB and target.url.startswith(f"{on.settings.public_url}/"),
        **beside,
    )


def _people(sheet: Sheet) -> set[str]:
    """Return whom an answer to the message can reach."""
    return {form_of(one.address) for one in (sheet.sender, *sheet.reply_to, *sheet.to, *sheet.cc)} - {""}
