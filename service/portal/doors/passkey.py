"""Sign in with a passkey: a script asks the browser, a form brings the answer; who cancels stays with the password."""

from quart import Response, g, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.factors.ceremonies import ANSWER_LONGEST, Site
from service.accounts.factors.passkeys import Answer, begin_signing, sign_in_with_passkey
from service.accounts.signing_in import CameIn, NotSignedIn
from service.core.limits import STEP_LIFE
from service.portal.cookies import drop_cookie, keep_cookie
from service.portal.doors.blueprint import doors
from service.portal.doors.sign_in import browser, come_in, network, sign_in_form, way_in
from service.portal.doors.waiting import waiting
from service.portal.session import csrf_ok, keeps_what_was_typed
from service.portal.state import portal


@doors.post("/sign-in/passkey/options")
async def passkey_options() -> ResponseReturnValue:
    state = portal()
    async with state.db.writing() as session:
        token, options = await begin_signing(session, state.ring, site(), network(), g.now)
    return passkey_asked(token, options)


@doors.post("/sign-in/passkey")
@keeps_what_was_typed
async def passkey_sign_in() -> ResponseReturnValue:
    form = await request.form
    state = portal()
    note = await waiting()
    if not csrf_ok(form):
        if g.reader is not None:
            return redirect("/sign-in", 303)
        return await sign_in_form(note, email="", problem="stale" if g.pre else "cookies"), 400
    result = await sign_in_with_passkey(state.db, state.ring, site(), passkey_answer(form.get("answer", "")), g.now)
    drop_cookie(state.cookies.passkey)
    if result is NotSignedIn.DISABLED:
        return await render_template("doors/disabled.html"), 403
    if not isinstance(result, CameIn):
        return await sign_in_form(note, email="", problem="passkey"), 401
    where = way_in(note, result.account_id)
    come_in(result.tokens)
    return redirect(where, 303)


def site() -> Site:
    settings = portal().settings
    return Site(settings.public_host, settings.public_url, settings.service_name)


def passkey_asked(token: str, options: str) -> Response:
    """Hand the script what the browser is asked for, and this browser the challenge's cookie."""
    keep_cookie(portal().cookies.passkey, token, int(STEP_LIFE.total_seconds()))
    return Response(options, content_type="application/json")


def passkey_answer(text: str) -> Answer:
    cookies = portal().cookies
    token, device = (request.cookies.get(name, "") for name in (cookies.passkey, cookies.device))
    return Answer(token, text[: ANSWER_LONGEST + 1], device, network(), browser())
