"""The way to the sections, and the first of them: the name."""

from quart import g, redirect, request, url_for
from quart.typing import ResponseReturnValue

from service.accounts.names import clean_name, is_name
from service.accounts.preferring import set_name
from service.core.limits import NAME_CHARACTERS
from service.portal.language import gettext as _
from service.portal.preferences.blueprint import preferences, reader, saved, show
from service.portal.session import csrf_ok, keeps_what_was_typed, signed_in
from service.portal.state import portal


@preferences.get("")
@signed_in
async def first() -> ResponseReturnValue:
    return redirect(url_for("preferences.reading" if g.reader.is_guest else "preferences.profile"), 303)


@preferences.get("/profile")
@signed_in
async def profile() -> ResponseReturnValue:
    return await show("profile", typed={"first": reader().first, "last": reader().last}, longest=NAME_CHARACTERS)


@preferences.post("/profile")
@keeps_what_was_typed
@signed_in
async def save_profile() -> ResponseReturnValue:
    form = await request.form
    typed = {name: clean_name(form.get(name, "")) for name in ("first", "last")}
    missing = {"first": _("Enter your first name."), "last": _("Enter your last name.")}
    refused = _("Use letters, spaces, hyphens and apostrophes only, up to 60.")
    errors = {name: refused if value else missing[name] for name, value in typed.items() if not is_name(value)}
    stale = not csrf_ok(form)
    if errors or stale:
        return await show("profile", errors={} if stale else errors, stale=stale, typed=typed, longest=NAME_CHARACTERS)
    async with portal().db.writing() as session:
        await set_name(session, reader().account_id, typed["first"], typed["last"])
    return saved("profile")
