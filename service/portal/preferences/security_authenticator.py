"""Turn codes of an authenticator app on and off, and make new recovery codes. The only door to segno."""

import segno
from quart import abort, g, redirect, request
from quart.typing import ResponseReturnValue

from service.accounts.factors.authenticator import (
    DIGITS,
    digits_of,
    new_secret,
    open_proposed,
    propose,
    step_of,
    turn_off,
    turn_on,
)
from service.accounts.factors.challenges import get_challenge, use_challenge
from service.accounts.factors.recovery import renew_codes, shown
from service.accounts.places import sign_out_elsewhere
from service.accounts.telling import tell
from service.core.limits import STEP_LIFE
from service.core.states import AccountLetter, Step
from service.db.tables import Account, AuditEntry, Challenge, Recipient
from service.portal.cookies import drop_cookie, keep_cookie
from service.portal.doors.sign_in import browser
from service.portal.language import gettext as _
from service.portal.preferences.blueprint import preferences, reader, show
from service.portal.preferences.security import done, drop_keys
from service.portal.preferences.security_proof import proven
from service.portal.session import csrf_ok, keeps_what_was_typed, signed_in
from service.portal.state import portal

PAGE = "/preferences/security/authenticator"
CODE_CHARACTERS = 32


@preferences.post("/security/authenticator/start")
@signed_in
@proven
async def authenticator_start() -> ResponseReturnValue:
    me, state = reader(), portal()
    secret = new_secret(me.address, state.settings.service_name).secret
    async with state.db.writing() as session:
        account = await session.get(Account, me.account_id)
        recipient = await session.get(Recipient, me.account_id)
        if account is None or recipient is None or account.authenticator is not None:
            return done("")
        token = await propose(session, state.ring, recipient, secret, g.now)
    keep_cookie(state.cookies.step, token, int(STEP_LIFE.total_seconds()))
    return redirect(PAGE, 303)


@preferences.get("/security/authenticator")
@signed_in
async def authenticator_page() -> ResponseReturnValue:
    challenge = await _proposed()
    return await _page(challenge, {}) if challenge is not None else await _late()


@preferences.post("/security/authenticator")
@keeps_what_was_typed
@signed_in
@proven
async def authenticator_confirm() -> ResponseReturnValue:
    """Show the recovery codes in the very answer: nowhere else do they stand in clear."""
    form = await request.form
    me, state = reader(), portal()
    typed = form.get("code", "")[:CODE_CHARACTERS]
    seen = await _proposed()
    if seen is None:
        return await _late()
    if not csrf_ok(form):
        return await _page(seen, {}, stale=True)
    secret = _secret(seen)
    step = step_of(secret, typed, g.now)
    async with state.db.writing() as session:
        account = await session.get(Account, me.account_id, with_for_update=True)
        recipient = await session.get(Recipient, me.account_id)
        challenge = await get_challenge(session, state.ring, Step.AUTHENTICATOR_ADD, _token(), g.now)
        if account is None or recipient is None or challenge is None or account.authenticator is not None:
            return done("")
        if step is None:
            challenge.tries += 1
        elif not await use_challenge(session, challenge):
            return done("")
        else:
            codes = await turn_on(session, state.ring, account, recipient, secret, step, g.now)
            ended = await sign_out_elsewhere(session, me.account_id, me.session_id)
            kind = AccountLetter.FACTOR_ADDED
            await tell(session, state.ring, kind, me.account_id, browser(), g.now, factor="authenticator")
    if step is None:
        return await _page(seen, {"code": _wrong(typed)})
    drop_cookie(state.cookies.step)
    drop_keys(ended)
    return await _codes_page(codes, is_new=True)


@preferences.post("/security/authenticator/off")
@signed_in
@proven
async def authenticator_off() -> ResponseReturnValue:
    me, state = reader(), portal()
    async with state.db.writing() as session:
        account = await session.get(Account, me.account_id, with_for_update=True)
        if account is None or not await turn_off(session, account, g.now):
            return done("")
        ended = await sign_out_elsewhere(session, me.account_id, me.session_id)
        kind = AccountLetter.FACTOR_REMOVED
        await tell(session, state.ring, kind, me.account_id, browser(), g.now, factor="authenticator")
    drop_keys(ended)
    return done("app-off")


@preferences.post("/security/recovery")
@signed_in
@proven
async def recovery_new() -> ResponseReturnValue:
    me, state = reader(), portal()
    async with state.db.writing() as session:
        account = await session.get(Account, me.account_id, with_for_update=True)
        if account is None:
            abort(404)
        if account.authenticator is None:
            return done("")
        codes = await renew_codes(session, state.ring, me.account_id, g.now)
        session.add(AuditEntry(at=g.now, actor="portal", verb="recovery.renew", object_id=me.account_id.hex))
        await tell(session, state.ring, AccountLetter.FACTOR_ADDED, me.account_id, browser(), g.now, factor="recovery")
    return await _codes_page(codes, is_new=False)


async def _late() -> ResponseReturnValue:
    """Say that the step is over, unless it is because the app was confirmed."""
    async with portal().db.reading() as session:
        account = await session.get(Account, reader().account_id)
    return done("app-late" if account is not None and account.authenticator is None else "")


async def _proposed() -> Challenge | None:
    state = portal()
    async with state.db.reading() as session:
        found = await get_challenge(session, state.ring, Step.AUTHENTICATOR_ADD, _token(), g.now)
    return found if found is not None and found.account_id == reader().account_id else None


async def _page(challenge: Challenge, errors: dict[str, str], *, stale: bool = False) -> ResponseReturnValue:
    name = portal().settings.service_name
    new = new_secret(reader().address, name, _secret(challenge))
    drawing, side = picture(new.uri)
    return await show(
        "security",
        template="security_authenticator",
        errors=errors,
        stale=stale,
        groups=new.groups,
        drawing=drawing,
        side=side,
        address=reader().address,
    )


async def _codes_page(codes: list[str], *, is_new: bool) -> ResponseReturnValue:
    return await show("security", template="security_codes", codes=[shown(code) for code in codes], is_new=is_new)


def picture(text: str) -> tuple[str, int]:
    """Return the dark squares of a QR code as an SVG path, and how many squares a side has, margin included."""
    code = segno.make(text, error="m", micro=False)
    rows = list(code.matrix_iter(border=4))
    path = "".join(
        f"M{column} {row}h1v1h-1z" for row, line in enumerate(rows) for column, dark in enumerate(line) if dark
    )
    return path, len(rows)


def _secret(challenge: Challenge) -> str:
    return open_proposed(reader().key, reader().account_id, challenge.content or b"")


def _wrong(typed: str) -> str:
    if len(digits_of(typed)) != DIGITS:
        return _("Enter the six digits that your app shows.")
    return _("That code is not right. Wait for the next one in your app, and check the time of your phone.")


def _token() -> str:
    return request.cookies.get(portal().cookies.step, "")
