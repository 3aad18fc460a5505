"""The second step of a sign-in: a code of the authenticator app, or a recovery code. The passkey's way is its own."""

from quart import g, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.factors.authenticator import DIGITS, digits_of
from service.accounts.factors.second_step import Given, Passed, WrongCode, get_second, pass_second
from service.portal.cookies import drop_cookie
from service.portal.doors.blueprint import doors
from service.portal.doors.sign_in import browser, come_in, way_in
from service.portal.doors.waiting import waiting
from service.portal.language import gettext as _
from service.portal.language import ngettext
from service.portal.session import csrf_ok, keeps_what_was_typed
from service.portal.state import portal

CODE_CHARACTERS = 64


@doors.get("/sign-in/code")
async def second_step() -> ResponseReturnValue:
    state = portal()
    async with state.db.reading() as session:
        found = await get_second(session, state.ring, _token(), g.now)
    return await _page() if found is not None else redirect("/sign-in", 303)


@doors.post("/sign-in/code")
@keeps_what_was_typed
async def second_step_post() -> ResponseReturnValue:
    form = await request.form
    state = portal()
    code, recovery = (form.get(name, "")[:CODE_CHARACTERS].strip() for name in ("code", "recovery"))
    if not csrf_ok(form):
        return await _page(typed=code, stale=True), 400
    which = "recovery" if recovery else "code"
    if not recovery and len(digits_of(code)) != DIGITS:
        return await _page(error=_("Enter the six digits that your app shows."), which=which), 422
    note = await waiting()
    device = request.cookies.get(state.cookies.device, "")
    given = Given(_token(), code, recovery, device, browser(), state.rules)
    result = await pass_second(state.db, state.ring, given, g.now)
    if isinstance(result, Passed):
        where = way_in(note, result.account_id)
        come_in(result.tokens)
        return redirect(where, 303)
    if isinstance(result, WrongCode) and result.left > 0:
        return await _page(error=_wrong(recovery, result.left), which=which), 422
    drop_cookie(state.cookies.step)
    return redirect("/sign-in?out=code", 303)


async def _page(*, typed: str = "", error: str = "", which: str = "code", stale: bool = False) -> str:
    errors = {which: error} if error else {}
    return await render_template(
        "doors/second_step.html", note=await waiting(), typed=typed, errors=errors, stale=stale
    )


def _wrong(recovery: str, left: int) -> str:
    if recovery:
        return ngettext(
            "That recovery code is not right, or it was used. %(count)s try left.",
            "That recovery code is not right, or it was used. %(count)s tries left.",
            left,
        ) % {"count": left}
    return ngettext(
        "That code is not right. Wait for the next one in your app. %(count)s try left.",
        "That code is not right. Wait for the next one in your app. %(count)s tries left.",
        left,
    ) % {"count": left}


def _token() -> str:
    return request.cookies.get(portal().cookies.step, "")
