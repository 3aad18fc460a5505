"""Change the password: when one likes, and when it has served its time."""

from collections.abc import Mapping

from quart import abort, g, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.changing import change_password, is_current
from service.accounts.passwords import Fault, Person, password_faults
from service.portal.cookies import drop_cookie, keep_cookie
from service.portal.doors import words
from service.portal.doors.blueprint import doors
from service.portal.doors.new_password import other_errors, typed_hint
from service.portal.doors.sign_in import browser, next_page
from service.portal.language import gettext as _
from service.portal.session import csrf_ok, keeps_what_was_typed, signed_in
from service.portal.state import portal


@doors.get("/password")
@signed_in
async def password() -> ResponseReturnValue:
    if g.reader.is_guest:
        abort(404)
    return await render_template("doors/password.html", errors={}, hint="", stale=False)


@doors.post("/password")
@keeps_what_was_typed
@signed_in
async def password_post() -> ResponseReturnValue:
    if g.reader.is_guest:
        abort(404)
    form = await request.form
    hint = typed_hint(form)
    if not csrf_ok(form):
        return await render_template("doors/password.html", errors={}, hint=hint, stale=True), 400
    if errors := await faults_of(form, hint):
        return await render_template("doors/password.html", errors=errors, hint=hint, stale=False), 422
    await take_password(form["password"], hint)
    where = next_page()
    drop_cookie(portal().cookies.next)
    return redirect(where, 303)


async def faults_of(form: Mapping[str, str], hint: str) -> dict[str, str]:
    """Say, by field, what keeps a new password from being taken. Raises TooMany, TryAgain."""
    state, who = portal(), g.reader
    current, new = form.get("current", ""), form.get("password", "")
    errors: dict[str, str] = {}
    is_right = await is_current(state.db, state.ring, state.hashing, who.account_id, current, g.now)
    if not is_right:
        errors["current"] = _("That is not your current password.")
    if faults := password_faults(new, Person(who.address, who.first, who.last), hint):
        errors["password"] = words.of_fault(faults[0], new)
    elif is_right and new == current:
        errors["password"] = words.of_fault(Fault.SAME_AGAIN, new)
    return errors | other_errors(form, hint)


async def take_password(new: str, hint: str) -> None:
    """Keep a checked password; this browser's session gets a new name, all others end. Raises TryAgain."""
    state, who = portal(), g.reader
    stored = await state.hashing.hash(new, who.account_id)
    async with state.db.writing() as session:
        token = await change_password(
            session, state.ring, who.account_id, who.session_id, stored, hint, browser(), g.now
        )
    state.keys.drop(who.session_id)
    keep_cookie(state.cookies.session, token)
