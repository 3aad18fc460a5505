"""Choose a new password by a mailed link: looking changes nothing, Save uses the link up and leads in."""

from quart import g, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.factors.second_step import NeedsCode
from service.accounts.forgotten import Resetting, get_reset, reset_password
from service.accounts.passwords import Person
from service.accounts.sessions import end_session
from service.core.states import AccountState
from service.portal.cookies import drop_cookie, keep_cookie
from service.portal.doors.blueprint import doors
from service.portal.doors.new_password import new_password_errors, person_of, typed_hint
from service.portal.doors.sign_in import ask_for_code, browser, come_in, way_in
from service.portal.doors.waiting import waiting
from service.portal.session import csrf_ok, keeps_what_was_typed
from service.portal.state import portal
from service.vault.tokens import TOKEN_LONGEST


@doors.get("/reset/<token>")
async def reset_link(token: str) -> ResponseReturnValue:
    state = portal()
    keep_cookie(state.cookies.reset, token[: TOKEN_LONGEST + 1], int(state.rules.reset_life.total_seconds()))
    return redirect("/reset", 303)


@doors.get("/reset")
async def reset() -> ResponseReturnValue:
    found = await _found()
    if found is None or _is_shut(found):
        return await _card(found)
    return await _form(found, await person_of(found.account, found.recipient), {}, "")


@doors.post("/reset")
@keeps_what_was_typed
async def reset_post() -> ResponseReturnValue:
    form = await request.form
    state = portal()
    found = await _found()
    if found is None or _is_shut(found):
        return await _card(found)
    person, hint = await person_of(found.account, found.recipient), typed_hint(form)
    if not csrf_ok(form):
        return await _form(found, person, {}, hint, stale=True), 400
    if errors := await new_password_errors(person, found.account, form, hint):
        return await _form(found, person, errors, hint), 422
    note = await waiting()
    stored = await state.hashing.hash(form["password"], found.account.id)
    device = request.cookies.get(state.cookies.device, "")
    came = None
    async with state.db.writing() as session:
        found = await get_reset(session, state.ring, _token(), g.now, for_update=True)
        if found is not None and not _is_shut(found):
            came = await reset_password(session, state.ring, found, stored, hint, device, browser(), g.now)
            if g.reader is not None:
                await end_session(session, g.reader.session_id)
    if found is None or came is None:
        return await _card(found)
    if g.reader is not None:
        state.keys.drop(g.reader.session_id)
    if isinstance(came, NeedsCode):
        drop_cookie(state.cookies.reset)
        return ask_for_code(came)
    where = way_in(note, found.account.id)
    come_in(came)
    return redirect(where, 303)


def _is_shut(found: Resetting) -> bool:
    """Say whether a new password would not let them in."""
    is_locked = found.account.state is AccountState.LOCKED and not portal().rules.reset_unlocks
    return is_locked or found.account.state is AccountState.DISABLED


async def _card(found: Resetting | None) -> ResponseReturnValue:
    """Tell why there is no form."""
    if found is None:
        return await render_template("doors/used.html"), 404
    is_locked = found.account.state is AccountState.LOCKED
    return await render_template("doors/locked.html" if is_locked else "doors/disabled.html"), 403


async def _form(found: Resetting, person: Person, errors: dict[str, str], hint: str, *, stale: bool = False) -> str:
    is_locked = found.account.state is AccountState.LOCKED
    return await render_template(
        "doors/reset.html", person=person, errors=errors, hint=hint, stale=stale, is_locked=is_locked
    )


async def _found() -> Resetting | None:
    state = portal()
    async with state.db.reading() as session:
        return await get_reset(session, state.ring, _token(), g.now)


def _token() -> str:
    return request.cookies.get(portal().cookies.reset, "")
