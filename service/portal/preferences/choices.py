"""Reading and notices: what lists and messages look like, and which letters come."""

from dataclasses import replace

from quart import g, request
from quart.typing import ResponseReturnValue

from service.accounts.preferring import THEMES, set_choices, set_language, set_theme
from service.core.preferences import ROWS
from service.portal.doors.sign_in import browser
from service.portal.language import LANGUAGES
from service.portal.preferences.blueprint import preferences, reader, saved, show
from service.portal.session import csrf_ok, keeps_what_was_typed, signed_in
from service.portal.state import portal


@preferences.get("/reading")
@signed_in
async def reading() -> ResponseReturnValue:
    return await show("reading", chosen=reader().preferences, theme=reader().theme, all_rows=ROWS)


@preferences.post("/reading")
@keeps_what_was_typed
@signed_in
async def save_reading() -> ResponseReturnValue:
    """Keep what was chosen; a value that no form of ours offers stays as it was."""
    form, who = await request.form, reader()
    rows, dates, theme = form.get("rows", ""), form.get("dates", ""), form.get("theme", "")
    chosen = replace(
        who.preferences,
        rows=next((count for count in ROWS if str(count) == rows), who.preferences.rows),
        compact=form.get("density", "") == "compact",
        dates="iso" if dates == "iso" else "",
        remote_pictures="remote_pictures" in form,
        plain_first="plain_first" in form,
        shortcuts="shortcuts" in form,
    )
    theme = theme if theme in THEMES else who.theme
    if not csrf_ok(form):
        return await show("reading", stale=True, chosen=chosen, theme=theme, all_rows=ROWS)
    async with portal().db.writing() as session:
        await set_choices(session, portal().ring, who.account_id, chosen, browser(), g.now)
        await set_theme(session, who.account_id, theme)
    return saved("reading")


@preferences.get("/notices")
@signed_in
async def notices() -> ResponseReturnValue:
    return await show("notices", chosen=reader().preferences, letters=reader().language)


@preferences.post("/notices")
@keeps_what_was_typed
@signed_in
async def save_notices() -> ResponseReturnValue:
    form, who = await request.form, reader()
    letters = form.get("language", "")
    letters = letters if letters in LANGUAGES else who.language
    chosen = replace(
        who.preferences,
        remind_unread="remind_unread" in form,
        remind_ending="remind_ending" in form,
        tell_new_device="tell_new_device" in form,
    )
    if not csrf_ok(form):
        return await show("notices", stale=True, chosen=chosen, letters=letters)
    async with portal().db.writing() as session:
        await set_choices(session, portal().ring, who.account_id, chosen, browser(), g.now)
        await set_language(session, who.account_id, letters)
    return saved("notices")
