"""Ask again who somebody is, before they change how to come in; what they asked for goes on with the answer."""

from functools import wraps
from typing import ParamSpec

from quart import g, redirect, request
from quart.typing import ResponseReturnValue

from service.accounts.factors.passkeys import begin_signing, list_passkeys, prove_with_passkey
from service.accounts.factors.proving import Proof, Proving, prove_with_password
from service.portal.cookies import drop_cookie
from service.portal.doors.passkey import passkey_answer, passkey_asked, site
from service.portal.doors.sign_in import browser, network
from service.portal.language import gettext as _
from service.portal.preferences.blueprint import preferences, reader, show
from service.portal.session import View, csrf_ok, signed_in
from service.portal.state import portal

PASSWORD, PASSKEY = "proof_password", "proof_passkey"
OWN = {"csrf", PASSWORD, PASSKEY}
P = ParamSpec("P")


def proven(view: View[P]) -> View[P]:
    """Let a change through whose reader proved lately who they are, or does so with this very request.

    Else the page asks for it, and its form brings along all that this one brought.
    """

    @wraps(view)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if reader().has_fresh_proof:
            return await view(*args, **kwargs)
        form = await request.form
        if not csrf_ok(form):
            return await _ask("", stale=True)
        if PASSWORD not in form and PASSKEY not in form:
            return await _ask("")
        if answer := form.get(PASSKEY, ""):
            return await view(*args, **kwargs) if await _has_passkey(answer) else await _ask("passkey")
        result = await _has_password(form.get(PASSWORD, ""))
        if result is Proof.ENDED:
            portal().keys.drop(reader().session_id)
            return redirect("/sign-in?out=code", 303)
        return await view(*args, **kwargs) if result is Proof.RIGHT else await _ask("password")

    return wrapped


@preferences.post("/security/proof")
@signed_in
async def proof_options() -> ResponseReturnValue:
    state = portal()
    async with state.db.writing() as session:
        token, options = await begin_signing(session, state.ring, site(), network(), g.now, reader().account_id)
    return passkey_asked(token, options)


async def _has_passkey(text: str) -> bool:
    state = portal()
    drop_cookie(state.cookies.passkey)
    answer, account_id = passkey_answer(text), reader().account_id
    return await prove_with_passkey(state.db, state.ring, site(), answer, account_id, reader().session_id, g.now)


async def _has_password(typed: str) -> Proof:
    state = portal()
    proving = Proving(reader().account_id, reader().session_id, typed, browser(), state.rules)
    return await prove_with_password(state.db, state.ring, state.hashing, proving, g.now)


async def _ask(problem: str, *, stale: bool = False) -> ResponseReturnValue:
    form = await request.form
    async with portal().db.reading() as session:
        has_passkeys = bool(await list_passkeys(session, reader().account_id))
    errors = {
        "": {},
        "password": {PASSWORD: _("That is not your password.")},
        "passkey": {PASSWORD: _("That passkey is not one of yours. Use your password, or try again.")},
    }
    return await show(
        "security",
        template="security_proof",
        errors=errors[problem],
        stale=stale,
        action=request.path,
        kept=[(name, value) for name, value in form.items(multi=True) if name not in OWN],
        has_passkeys=has_passkeys,
    )
