"""Change the password: when one likes, and when it has served its time."""

from quart import g, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.changing import change_password, is_current
from service.accounts.passwords import Fault, Person, hint_faults, password_faults
from service.core.text import one_line
from service.portal.cookies import drop_cookie, keep_cookie
from service.portal.doors import words
from service.portal.doors.blueprint import doors
from service.portal.doors.sign_in import browser, next_page
from service.portal.language import gettext as _
from service.portal.session import csrf_ok, keeps_what_was_typed, signed_in
from service.portal.state import portal


@doors.get("/password")
@signed_in
async def password() -> ResponseReturnValue:
    return await render_template("doors/password.html", errors={}, hint="", stale=False)


@doors.post("/password")
@keeps_what_was_typed
@signed_in
async def password_post() -> ResponseReturnValue:
    form = await request.form
    state = portal()
    typed = {name: form.get(name, "") for name in ("current", "password", "confirm")}
    hint = one_line(form.get("hint", ""))
    if not csrf_ok(form):
        return await render_template("doors/password.html", errors={}, hint=hint, stale=True), 400
    errors: dict[str, str] = {}
    is_right = await is_current(state.db, state.ring, state.hashing, g.reader.account_id, typed["current"], g.now)
    person = Person(g.reader.address, g.reader.first, g.reader.last)
    if not is_right:
        errors["current"] = _("That is not your current password.")
    if faults := password_faults(typed["password"], person, hint):
        errors["password"] = words.of_fault(faults[0], typed["password"])
    elif is_right and typed["password"] == typed["current"]:
        errors["password"] = words.of_fault(Fault.SAME_AGAIN, typed["password"])
    if typed["password"] != typed["confirm"]:
        errors["confirm"] = words.of_fault(Fault.DIFFERENT, typed["password"])
    if hints := hint_faults(hint, typed["password"]):
        errors["hint"] = words.of_fault(hints[0], typed["password"])
    if errors:
        return await render_template("doors/password.html", errors=errors, hint=hint, stale=False), 422
    stored = await state.hashing.hash(typed["password"], g.reader.account_id)
    async with state.db.writing() as session:
        token = await change_password(
            session, state.ring, g.reader.account_id, g.reader.session_id, stored, hint, browser(), g.now
        )
    state.keys.drop(g.reader.session_id)
    where = next_page()
    keep_cookie(state.cookies.session, token)
    drop_cookie(state.cookies.next)
    return redirect(where, 303)
