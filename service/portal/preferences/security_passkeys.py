"""Add and remove passkeys."""

from quart import Response, abort, g, redirect, request
from quart.typing import ResponseReturnValue

from service.accounts.factors.passkeys import (
    MOST,
    NAME_CHARACTERS,
    add_passkey,
    begin_adding,
    list_passkeys,
    remove_passkey,
)
from service.accounts.factors.passkeys import show as show_passkey
from service.accounts.places import sign_out_elsewhere
from service.accounts.telling import tell
from service.core.browsers import Browser
from service.core.states import AccountLetter
from service.core.text import one_line
from service.portal.cookies import drop_cookie
from service.portal.doors.passkey import passkey_answer, passkey_asked, site
from service.portal.doors.sign_in import browser
from service.portal.language import gettext as _
from service.portal.mailbox.rows import read_id
from service.portal.preferences.blueprint import preferences, reader, show
from service.portal.preferences.security import done, drop_keys
from service.portal.preferences.security_proof import proven
from service.portal.session import csrf_ok, keeps_what_was_typed, signed_in
from service.portal.state import portal

ADD = "/preferences/security/passkeys/add"


@preferences.get("/security/passkeys/add")
@signed_in
async def passkey_page() -> ResponseReturnValue:
    if not reader().has_fresh_proof:
        return redirect("/preferences/security", 303)
    return await _page(_shipped_name(browser()), "")


@preferences.post("/security/passkeys")
@signed_in
@proven
async def passkey_start() -> ResponseReturnValue:
    return redirect(ADD, 303)


@preferences.post("/security/passkeys/options")
@signed_in
async def passkey_add_options() -> ResponseReturnValue:
    me, state = reader(), portal()
    if not me.has_fresh_proof:
        abort(403)
    async with state.db.writing() as session:
        begun = await begin_adding(session, state.ring, site(), me.account_id, me.address, me.name, g.now)
    return passkey_asked(*begun) if begun is not None else Response("", 409)


@preferences.post("/security/passkeys/add")
@keeps_what_was_typed
@signed_in
@proven
async def passkey_add() -> ResponseReturnValue:
    form = await request.form
    me, state = reader(), portal()
    name = one_line(form.get("name", ""), NAME_CHARACTERS)
    if not csrf_ok(form):
        return await _page(name, "", stale=True)
    if not name:
        return await _page(name, _("Give this passkey a name, so that you know it later."))
    answer = passkey_answer(form.get("answer", ""))
    if not answer.text:  # asked for the password in between, or there is no script
        return await _page(name, "")
    drop_cookie(state.cookies.passkey)
    async with state.db.writing() as session:
        is_added = await add_passkey(session, state.ring, site(), me.account_id, answer, name, g.now)
        if is_added:
            kind = AccountLetter.FACTOR_ADDED
            await tell(session, state.ring, kind, me.account_id, browser(), g.now, factor="passkey")
    if not is_added:
        return await _page(name, _("That did not work. Try again, or use another device."))
    return done("passkey-added")


@preferences.post("/security/passkeys/<name>/remove")
@signed_in
@proven
async def passkey_remove(name: str) -> ResponseReturnValue:
    """The last one asks first; all other browsers are signed out, as with each change of how to come in."""
    passkey_id, form = read_id(name), await request.form
    me, state = reader(), portal()
    async with state.db.reading() as session:
        rows = await list_passkeys(session, me.account_id)
    if passkey_id is None or passkey_id not in {row.id for row in rows}:
        abort(404)
    if len(rows) == 1 and form.get("sure") != "yes":
        return await show("security", template="security_last", passkey=show_passkey(me.key, rows[0]))
    async with state.db.writing() as session:
        if not await remove_passkey(session, me.account_id, passkey_id, g.now):
            abort(404)
        ended = await sign_out_elsewhere(session, me.account_id, me.session_id)
        kind = AccountLetter.FACTOR_REMOVED
        await tell(session, state.ring, kind, me.account_id, browser(), g.now, factor="passkey")
    drop_keys(ended)
    return done("passkey-removed")


async def _page(name: str, error: str, *, stale: bool = False) -> ResponseReturnValue:
    async with portal().db.reading() as session:
        has_room = len(await list_passkeys(session, reader().account_id)) < MOST
    return await show(
        "security",
        template="security_passkey",
        errors={"name": error} if error else {},
        stale=stale,
        name=name,
        longest=NAME_CHARACTERS,
        has_room=has_room,
    )


def _shipped_name(used: Browser) -> str:
    if used.name and used.system:
        return _("%(browser)s on %(system)s") % {"browser": used.name, "system": used.system}
    return _("My passkey")
