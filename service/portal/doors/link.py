"""The link of a notice leads to a page without it: no token stands in an address that is shown, kept or sent on."""

from quart import abort, g, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.links import get_by_link
from service.portal.cookies import keep_cookie
from service.portal.doors.blueprint import doors
from service.portal.doors.waiting import waiting
from service.portal.state import portal

LINK_SECONDS = 3600


@doors.get("/d/<token>")
async def link(token: str) -> ResponseReturnValue:
    state = portal()
    async with state.db.reading() as session:
        delivery = await get_by_link(session, token, g.now)
    if delivery is None:
        abort(404)
    if g.reader is not None and g.reader.recipient_id == delivery.recipient_id:
        return redirect(f"/m/{delivery.id.hex}", 303)
    keep_cookie(state.cookies.link, token, LINK_SECONDS)
    return redirect("/waiting", 303)


@doors.get("/waiting")
async def waiting_page() -> ResponseReturnValue:
    if portal().cookies.link not in request.cookies:
        return redirect("/sign-in", 303)
    note = await waiting()
    if note is None:
        abort(404)
    if g.reader is not None:
        if g.reader.is_guest and g.reader.recipient_id == note.delivery.recipient_id:
            return await render_template("doors/waiting.html", note=note)
        if g.reader.recipient_id == note.delivery.recipient_id:
            return redirect(f"/m/{note.delivery.id.hex}", 303)
        return await render_template("doors/other.html", note=note)
    if note.has_account:
        return redirect("/sign-in", 303)
    return await render_template("doors/waiting.html", note=note)
