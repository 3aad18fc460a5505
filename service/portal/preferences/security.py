"""Security: passkeys, codes of an app, recovery codes, and where one is signed in."""

import uuid

from quart import abort, g, redirect, request
from quart.typing import ResponseReturnValue

from service.accounts.changing import get_account
from service.accounts.factors.passkeys import MOST, list_passkeys
from service.accounts.factors.passkeys import show as show_passkey
from service.accounts.factors.recovery import COUNT, count_codes
from service.accounts.passwords import password_days
from service.accounts.places import forget_browser, list_places, sign_out_elsewhere, sign_out_place
from service.portal.mailbox.rows import read_id
from service.portal.preferences.blueprint import preferences, reader, show
from service.portal.preferences.security_proof import proven
from service.portal.session import signed_in
from service.portal.state import portal

DONE = {"passkey-added", "passkey-removed", "app-late", "app-off", "signed-out", "all-signed-out", "forgotten"}
"""What the page may be asked to say."""


@preferences.get("/security")
@signed_in
async def security() -> ResponseReturnValue:
    me, done = reader(), request.args.get("done", "")
    async with portal().db.reading() as session:
        account = await get_account(session, me.account_id)
        passkeys = await list_passkeys(session, me.account_id)
        codes = await count_codes(session, me.account_id)
        places = await list_places(session, portal().rules, me.account_id, me.session_id, g.now)
    return await show(
        "security",
        done=done if done in DONE else "",
        days=password_days(account.password_at, g.now, portal().rules),
        password_at=account.password_at,
        passkeys=[show_passkey(me.key, row) for row in passkeys],
        has_room=len(passkeys) < MOST,
        has_authenticator=account.authenticator is not None,
        codes=codes,
        all_codes=COUNT,
        places=places,
    )


@preferences.post("/security/sessions/<name>/end")
@signed_in
@proven
async def end_place(name: str) -> ResponseReturnValue:
    session_id = read_id(name)
    if session_id is None or session_id == reader().session_id:
        abort(404)
    async with portal().db.writing() as session:
        if not await sign_out_place(session, reader().account_id, session_id):
            abort(404)
    portal().keys.drop(session_id)
    return done("signed-out")


@preferences.post("/security/sessions/end")
@signed_in
@proven
async def end_elsewhere() -> ResponseReturnValue:
    async with portal().db.writing() as session:
        ended = await sign_out_elsewhere(session, reader().account_id, reader().session_id)
    drop_keys(ended)
    return done("all-signed-out")


@preferences.post("/security/browsers/<name>/forget")
@signed_in
@proven
async def forget_place(name: str) -> ResponseReturnValue:
    device_id = read_id(name)
    async with portal().db.writing() as session:
        if device_id is None or not await forget_browser(session, reader().account_id, device_id):
            abort(404)
    return done("forgotten")


def done(what: str) -> ResponseReturnValue:
    """Lead to the section again, to say what was done."""
    return redirect(f"/preferences/security?done={what}", 303)


def drop_keys(ended: list[uuid.UUID]) -> None:
    """Let the keys of sessions that ended leave the memory."""
    for session_id in ended:
        portal().keys.drop(session_id)
