"""Language and time zone, and the text under what its owner writes."""

from quart import redirect, request, url_for
from quart.typing import ResponseReturnValue

from service.accounts.preferring import (
    SIGNATURE_CHARACTERS,
    read_signature,
    set_language,
    set_signature,
    set_zone,
    tidy_signature,
)
from service.letters.formats import zone_name
from service.portal.language import LANGUAGES
from service.portal.language import gettext as _
from service.portal.preferences.blueprint import preferences, reader, saved, show, times
from service.portal.preferences.zones import is_zone, list_zones
from service.portal.session import csrf_ok, keeps_what_was_typed, signed_in
from service.portal.state import portal


@preferences.get("/language")
@signed_in
async def language() -> ResponseReturnValue:
    return await _language(reader().language, reader().zone.key)


@preferences.post("/language")
@keeps_what_was_typed
@signed_in
async def save_language() -> ResponseReturnValue:
    """Keep both; this browser speaks the new language from its next page on."""
    form, who = await request.form, reader()
    wish, zone = form.get("language", ""), form.get("zone", "")
    wish = wish if wish in LANGUAGES else who.language
    zone = zone if is_zone(zone) else who.zone.key
    if not csrf_ok(form):
        return await _language(wish, zone, stale=True)
    async with portal().db.writing() as session:
        await set_language(session, who.account_id, wish)
        await set_zone(session, who.account_id, "" if zone == portal().settings.zone.key else zone)
    return redirect(url_for("preferences.language", saved=1, lang=wish), 303)


@preferences.get("/signature")
@signed_in
async def signature() -> ResponseReturnValue:
    async with portal().db.reading() as session:
        text = await read_signature(session, reader().key, reader().account_id)
    return await show("signature", text=text, longest=SIGNATURE_CHARACTERS)


@preferences.post("/signature")
@keeps_what_was_typed
@signed_in
async def save_signature() -> ResponseReturnValue:
    form = await request.form
    text = tidy_signature(form.get("text", ""))
    errors = {}
    if (over := len(text) - SIGNATURE_CHARACTERS) > 0:
        errors["text"] = _("A signature has at most %(most)s characters. Take out %(over)s.") % {
            "most": SIGNATURE_CHARACTERS,
            "over": over,
        }
    stale = not csrf_ok(form)
    if errors or stale:
        return await show("signature", errors=errors, stale=stale, text=text, longest=SIGNATURE_CHARACTERS)
    async with portal().db.writing() as session:
        await set_signature(session, reader().account_id, text)
    return saved("signature")


async def _language(wish: str, zone: str, *, stale: bool = False) -> ResponseReturnValue:
    state_zone = zone_name(portal().settings.zone, times().language)
    return await show("language", stale=stale, wish=wish, zone=zone, groups=list_zones(times()), state_zone=state_zone)
