"""Create an account: press, type the mailed code, fill in the form; Save leads straight to the message."""

from math import ceil
from typing import Any

from quart import abort, g, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.names import clean_name, is_name
from service.accounts.passwords import Fault, Person, hint_faults, password_faults
from service.accounts.registering import (
    PROVEN_LIFE,
    Flow,
    NewAccount,
    Tried,
    get_flow,
    resend_code,
    save_account,
    start_flow,
    try_code,
)
from service.core.text import one_line
from service.portal import language
from service.portal.cookies import drop_cookie, keep_cookie
from service.portal.doors import words
from service.portal.doors.blueprint import doors
from service.portal.doors.sign_in import browser, come_in
from service.portal.doors.waiting import Waiting, waiting, waiting_of
from service.portal.language import gettext as _
from service.portal.language import ngettext
from service.portal.session import csrf_ok, keeps_what_was_typed
from service.portal.state import portal

CODE_CHARACTERS = 32


@doors.post("/register/start")
async def register_start() -> ResponseReturnValue:
    state = portal()
    note = await waiting()
    if note is None:
        abort(404)
    if note.has_account:
        return redirect("/sign-in", 303)
    async with state.db.writing() as session:
        flow = await get_flow(session, state.ring, _flow_token(), g.now, for_update=True)
        if flow is not None and flow.delivery.recipient_id == note.delivery.recipient_id and flow.tries_left > 0:
            await resend_code(session, state.ring, flow, note.address, language.language(), g.now)
            return redirect("/register/code", 303)
        token = await start_flow(session, state.ring, note.delivery, note.address, language.language(), g.now)
    keep_cookie(state.cookies.flow, token, int(PROVEN_LIFE.total_seconds()))
    return redirect("/register/code", 303)


@doors.get("/register/code")
async def register_code() -> ResponseReturnValue:
    flow = await _flow()
    if flow is None:
        return redirect("/waiting", 303)
    if flow.code.proven_at is not None:
        return redirect("/register", 303)
    return await _code_page(flow)


@doors.post("/register/code")
@keeps_what_was_typed
async def register_code_post() -> ResponseReturnValue:
    form = await request.form
    state = portal()
    typed = "".join(char for char in form.get("code", "")[:CODE_CHARACTERS] if char.isdigit())
    if not csrf_ok(form):
        flow = await _flow()
        if flow is None:
            return redirect("/waiting", 303)
        return await _code_page(flow, typed=typed, stale=True), 400
    async with state.db.writing() as session:
        flow = await get_flow(session, state.ring, _flow_token(), g.now, for_update=True)
        result = try_code(state.ring, flow, typed, g.now) if flow is not None else None
    if flow is None or result is None:
        return redirect("/waiting", 303)
    if result is Tried.RIGHT:
        return redirect("/register", 303)
    return await _code_page(flow, error=_code_error(result, flow.tries_left)), 422


@doors.post("/register/resend")
async def register_resend() -> ResponseReturnValue:
    state = portal()
    flow = await _flow()
    if flow is None:
        return redirect("/waiting", 303)
    note = await waiting_of(flow.delivery, has_account=False)
    async with state.db.writing() as session:
        flow = await get_flow(session, state.ring, _flow_token(), g.now, for_update=True)
        if flow is None:
            return redirect("/waiting", 303)
        was_sent = await resend_code(session, state.ring, flow, note.address, language.language(), g.now)
    return redirect("/register/code?sent=1" if was_sent else "/register/code?sent=0", 303)


@doors.get("/register")
async def register() -> ResponseReturnValue:
    flow = await _flow()
    if flow is None:
        return redirect("/waiting", 303)
    if flow.code.proven_at is None:
        return redirect("/register/code", 303)
    note = await waiting_of(flow.delivery, has_account=False)
    return await _account_page(note, {}, {})


@doors.post("/register")
@keeps_what_was_typed
async def register_post() -> ResponseReturnValue:
    form = await request.form
    state = portal()
    flow = await _flow()
    if flow is None or flow.code.proven_at is None:
        return redirect("/waiting" if flow is None else "/register/code", 303)
    note = await waiting_of(flow.delivery, has_account=False)
    typed = {name: form.get(name, "") for name in ("first", "last", "password", "confirm", "hint", "language")}
    typed |= {name: clean_name(typed[name]) for name in ("first", "last")}
    typed["hint"] = one_line(typed["hint"])
    if not csrf_ok(form):
        return await _account_page(note, typed, {}, stale=True), 400
    if errors := account_errors(typed, note.address):
        return await _account_page(note, typed, errors), 422
    chosen = typed["language"] if typed["language"] in language.LANGUAGES else language.language()
    stored = await state.hashing.hash(typed["password"], flow.code.recipient_id)
    new = NewAccount(typed["first"], typed["last"], stored, typed["hint"], chosen)
    async with state.db.writing() as session:
        flow = await get_flow(session, state.ring, _flow_token(), g.now, for_update=True)
        if flow is None or flow.code.proven_at is None:
            return redirect("/waiting", 303)
        tokens = await save_account(session, state.ring, flow, new, browser(), g.now)
    if tokens is None:
        drop_cookie(state.cookies.flow)
        return redirect("/sign-in", 303)
    come_in(tokens)
    return redirect(f"/m/{flow.delivery.id.hex}", 303)


def account_errors(typed: dict[str, str], address: str) -> dict[str, str]:
    """Say in words what is to be fixed, by field, in the order of the form."""
    errors: dict[str, str] = {}
    for name, missing in (("first", _("Enter your first name.")), ("last", _("Enter your last name."))):
        if not typed[name]:
            errors[name] = missing
        elif not is_name(typed[name]):
            errors[name] = _("Use letters, spaces, hyphens and apostrophes only, up to 60.")
    person = Person(address, typed["first"], typed["last"])
    faults = password_faults(typed["password"], person, typed["hint"])
    if faults:
        errors["password"] = words.of_fault(faults[0], typed["password"])
    if typed["password"] != typed["confirm"]:
        errors["confirm"] = words.of_fault(Fault.DIFFERENT, typed["password"])
    if hints := hint_faults(typed["hint"], typed["password"]):
        errors["hint"] = words.of_fault(hints[0], typed["password"])
    return errors


async def _flow() -> Flow | None:
    state = portal()
    async with state.db.reading() as session:
        return await get_flow(session, state.ring, _flow_token(), g.now)


def _flow_token() -> str:
    return request.cookies.get(portal().cookies.flow, "")


def _code_error(result: Tried, left: int) -> str:
    if result is Tried.TOO_OLD:
        return _("That code is too old. Get a new one.")
    if result is Tried.NO_TRIES:
        return _("That code is not right, and no tries are left. Open the link in your notice and start again.")
    return ngettext(
        "That code is not right. %(count)s try left.", "That code is not right. %(count)s tries left.", left
    ) % {"count": left}


async def _code_page(flow: Flow, *, typed: str = "", error: str = "", stale: bool = False) -> str:
    note = await waiting_of(flow.delivery, has_account=False)
    return await render_template(
        "doors/code.html",
        note=note,
        typed=typed,
        errors={"code": error} if error else {},
        stale=stale,
        sent=request.args.get("sent", ""),
        wait=ceil(flow.seconds_to_resend(g.now)),
        has_tries=flow.tries_left > 0,
    )


async def _account_page(note: Waiting, typed: dict[str, Any], errors: dict[str, str], *, stale: bool = False) -> str:
    return await render_template("doors/register.html", note=note, typed=typed, errors=errors, stale=stale)
