"""Ask for the password hint, or for a link to a new password: one answer, whoever asks for whatever address."""

from quart import abort, g, redirect, request
from quart.typing import ResponseReturnValue

from service.accounts.forgotten import Asking, ask
from service.core.states import AccountLetter
from service.portal.doors.blueprint import doors
from service.portal.doors.sign_in import browser, network, sign_in_form
from service.portal.doors.waiting import waiting
from service.portal.session import csrf_ok, keeps_what_was_typed
from service.portal.state import portal


@doors.post("/forgot/hint")
@keeps_what_was_typed
async def forgot_hint() -> ResponseReturnValue:
    if not portal().settings.has_hints:
        abort(404)
    return await _ask(AccountLetter.HINT)


@doors.post("/forgot/reset")
@keeps_what_was_typed
async def forgot_reset() -> ResponseReturnValue:
    return await _ask(AccountLetter.RESET)


async def _ask(kind: AccountLetter) -> ResponseReturnValue:
    form = await request.form
    note = await waiting()
    email = form.get("email", "").strip()[:320]
    if not csrf_ok(form):
        if g.reader is not None:
            return redirect("/sign-in", 303)
        return await sign_in_form(note, email=email, problem="stale" if g.pre else "cookies"), 400
    if not email:
        return await sign_in_form(note, email=email, problem="no address"), 422
    state = portal()
    asking = Asking(email, network(), browser(), state.rules)
    async with state.db.writing() as session:
        await ask(session, state.ring, kind, asking, g.now)
    return await sign_in_form(note, email=email, out="asked")
