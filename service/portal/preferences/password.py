"""Password and hint: how long the password is good, a new one, and the hint alone."""

from datetime import timedelta

from quart import abort, g, request
from quart.typing import ResponseReturnValue

from service.accounts.changing import get_account, is_current
from service.accounts.passwords import hint_faults, password_days
from service.accounts.preferring import set_hint
from service.core.limits import HINT_CHARACTERS
from service.core.text import one_line
from service.portal.doors import words
from service.portal.doors.password import faults_of, take_password
from service.portal.doors.sign_in import browser
from service.portal.language import gettext as _
from service.portal.preferences.blueprint import preferences, reader, saved, show
from service.portal.session import csrf_ok, keeps_what_was_typed, signed_in
from service.portal.state import portal

SOON = timedelta(days=10)
"""From here on the page says in amber that the password nears its end."""


@preferences.get("/password")
@signed_in
async def password() -> ResponseReturnValue:
    return await _page()


@preferences.post("/password")
@keeps_what_was_typed
@signed_in
async def save_password() -> ResponseReturnValue:
    form = await request.form
    if not csrf_ok(form):
        return await _page(stale=True)
    if errors := await faults_of(form, ""):
        return await _page(errors)
    await take_password(form["password"], "")
    return saved("password")


@preferences.post("/password/hint")
@keeps_what_was_typed
@signed_in
async def save_hint() -> ResponseReturnValue:
    """Keep another hint, or none; whoever holds only the session cannot make it tell more than the owner wants."""
    if not portal().settings.has_hints:
        abort(404)
    form, state, errors = await request.form, portal(), {}
    hint, typed = one_line(form.get("hint", "")), form.get("hint_current", "")
    if not csrf_ok(form):
        return await _page(stale=True, hint=hint)
    if not await is_current(state.db, state.ring, state.hashing, reader().account_id, typed, g.now):
        errors["hint_current"] = _("That is not your current password.")
    if faults := hint_faults(hint, typed):
        errors["hint"] = words.of_fault(faults[0], typed)
    if errors:
        return await _page(errors, hint=hint)
    async with state.db.writing() as session:
        await set_hint(session, state.ring, reader().account_id, hint, browser(), g.now)
    return saved("password")


async def _page(errors: dict[str, str] | None = None, *, stale: bool = False, hint: str = "") -> ResponseReturnValue:
    async with portal().db.reading() as session:
        account = await get_account(session, reader().account_id)
    days = password_days(account.password_at, g.now, portal().rules)
    return await show(
        "password",
        errors=errors,
        stale=stale,
        hint=hint,
        has_hint=account.hint is not None,
        longest=HINT_CHARACTERS,
        changed_at=account.password_at,
        days=days,
        is_soon=days is not None and days <= SOON.days,
    )
