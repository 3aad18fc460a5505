"""Come in by a notice's link: press, type the mailed code, then what an address in its state needs.

No account: the form, whose Save makes one and leads straight to the message. Switched off: a new password
(`returning`). And where the agency allows it, reading at once, as a guest, if that was pressed.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any
from urllib.parse import urlencode

from quart import abort, g, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.coming_in import Tokens
from service.accounts.guests import read_as_guest
from service.accounts.names import clean_name, is_name
from service.accounts.passwords import Person, password_faults
from service.accounts.registering import (
    PROVEN_LIFE,
    Flow,
    NewAccount,
    Tried,
    resend_code,
    save_account,
    start_flow,
    try_code,
)
from service.portal import language
from service.portal.cookies import drop_cookie, keep_cookie
from service.portal.doors import words
from service.portal.doors.blueprint import doors
from service.portal.doors.flow import CODE_PAGE, FORM_PAGE, current_flow, lock_flow, page_of
from service.portal.doors.new_password import other_errors, typed_hint
from service.portal.doors.sign_in import browser, come_in, next_page
from service.portal.doors.waiting import Waiting, waiting, waiting_of
from service.portal.language import gettext as _
from service.portal.language import ngettext
from service.portal.session import csrf_ok, keeps_what_was_typed
from service.portal.state import portal
from service.vault.types import Token

CODE_CHARACTERS = 32
READ = "read"
"""Said by the buttons of who wants to read without an account; it proves nothing, the code does."""


@doors.post("/register/start")
async def register_start() -> ResponseReturnValue:
    state = portal()
    note = await waiting()
    if note is None:
        abort(404)
    if note.has_account:
        return redirect("/sign-in", 303)
    way, token, guest = _way(await request.form), None, None
    async with state.db.writing() as session:
        flow = await lock_flow(session)
        if flow is None or flow.delivery.recipient_id != note.delivery.recipient_id or flow.tries_left <= 0:
            token = await start_flow(session, state.ring, note.delivery, note.address, language.language(), g.now)
        elif way and flow.code.proven_at is not None:
            guest = await read_as_guest(session, state.ring, flow, language.language(), g.now)
        else:
            await resend_code(session, state.ring, flow, note.address, language.language(), g.now)
    if flow is not None and guest is not None:
        return _let_guest_in(flow, guest)
    if token is not None:
        keep_cookie(state.cookies.flow, token, int(PROVEN_LIFE.total_seconds()))
    return redirect(_code_page_of(way), 303)


@doors.get(CODE_PAGE)
async def register_code() -> ResponseReturnValue:
    flow = await current_flow()
    if flow is None or flow.code.proven_at is not None:
        return redirect(await page_of(flow), 303)
    return await _code_page(flow, _way(request.args))


@doors.post(CODE_PAGE)
@keeps_what_was_typed
async def register_code_post() -> ResponseReturnValue:
    form = await request.form
    state = portal()
    way, guest = _way(form), None
    typed = "".join(char for char in form.get("code", "")[:CODE_CHARACTERS] if char.isdigit())
    if not csrf_ok(form):
        flow = await current_flow()
        if flow is None:
            return redirect("/waiting", 303)
        return await _code_page(flow, way, typed=typed, stale=True), 400
    async with state.db.writing() as session:
        flow = await lock_flow(session)
        result = try_code(state.ring, flow, typed, g.now) if flow is not None else None
        if flow is not None and result is Tried.RIGHT and way:
            guest = await read_as_guest(session, state.ring, flow, language.language(), g.now)
    if flow is None or result is None:
        return redirect("/waiting", 303)
    if guest is not None:
        return _let_guest_in(flow, guest)
    if result is Tried.RIGHT:
        return redirect(await page_of(flow), 303)
    return await _code_page(flow, way, error=_code_error(result, flow.tries_left)), 422


@doors.post("/register/resend")
async def register_resend() -> ResponseReturnValue:
    state = portal()
    way = _way(await request.form)
    flow = await current_flow()
    if flow is None:
        return redirect("/waiting", 303)
    note = await waiting_of(flow.delivery)
    async with state.db.writing() as session:
        flow = await lock_flow(session)
        if flow is None:
            return redirect("/waiting", 303)
        was_sent = await resend_code(session, state.ring, flow, note.address, language.language(), g.now)
    return redirect(_code_page_of(way, sent="1" if was_sent else "0"), 303)


@doors.get(FORM_PAGE)
async def register() -> ResponseReturnValue:
    flow = await current_flow()
    if flow is None or (where := await page_of(flow)) != FORM_PAGE:
        return redirect("/waiting" if flow is None else where, 303)
    return await _account_page(await waiting_of(flow.delivery), {}, {})


@doors.post(FORM_PAGE)
@keeps_what_was_typed
async def register_post() -> ResponseReturnValue:
    form = await request.form
    state = portal()
    flow = await current_flow()
    if flow is None or flow.code.proven_at is None:
        return redirect(await page_of(flow), 303)
    note = await waiting_of(flow.delivery)
    typed = {name: form.get(name, "") for name in ("first", "last", "password", "confirm", "language")}
    typed |= {name: clean_name(typed[name]) for name in ("first", "last")}
    typed["hint"] = typed_hint(form)
    if not csrf_ok(form):
        return await _account_page(note, typed, {}, stale=True), 400
    if errors := account_errors(typed, note.address):
        return await _account_page(note, typed, errors), 422
    chosen = typed["language"] if typed["language"] in language.LANGUAGES else language.language()
    stored = await state.hashing.hash(typed["password"], flow.code.recipient_id)
    new = NewAccount(typed["first"], typed["last"], stored, typed["hint"], chosen)
    async with state.db.writing() as session:
        flow = await lock_flow(session)
        if flow is None or flow.code.proven_at is None:
            return redirect("/waiting", 303)
        tokens = await save_account(session, state.ring, flow, new, browser(), g.now)
    if tokens is None:
        where = await page_of(flow)
        if where == "/sign-in":
            drop_cookie(state.cookies.flow)
        return redirect(where, 303)
    if g.reader is not None:
        state.keys.drop(g.reader.session_id)
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
    return errors | other_errors(typed, typed["hint"])


def _way(given: Mapping[str, str]) -> str:
    """Return which way the person wants to go on: to an account, or, where that is allowed, to reading at once."""
    return READ if portal().settings.read_with_code and given.get("way") == READ else ""


def _code_page_of(way: str, **more: str) -> str:
    query = urlencode({**({"way": way} if way else {}), **more})
    return f"{CODE_PAGE}?{query}" if query else CODE_PAGE


def _let_guest_in(flow: Flow, session_token: Token) -> ResponseReturnValue:
    """Lead to where they had been, else to the message; the link stays, so that they can come again and register."""
    cookies = portal().cookies
    if g.reader is not None:
        portal().keys.drop(g.reader.session_id)
    where = next_page() if cookies.next in request.cookies else "/"
    come_in(Tokens(session_token, None))
    if link := request.cookies.get(cookies.link, ""):
        keep_cookie(cookies.link, link, int(portal().rules.session_longest.total_seconds()))
    return redirect(where if where != "/" else f"/m/{flow.delivery.id.hex}", 303)


def _code_error(result: Tried, left: int) -> str:
    if result is Tried.TOO_OLD:
        return _("That code is too old. Get a new one.")
    if result is Tried.NO_TRIES:
        return _("That code is not right, and no tries are left. Open the link in your notice and start again.")
    return ngettext(
        "That code is not right. %(count)s try left.", "That code is not right. %(count)s tries left.", left
    ) % {"count": left}


async def _code_page(flow: Flow, way: str, *, typed: str = "", error: str = "", stale: bool = False) -> str:
    note = await waiting_of(flow.delivery)
    return await render_template(
        "doors/code.html",
        note=note,
        way=way,
        typed=typed,
        errors={"code": error} if error else {},
        stale=stale,
        sent=request.args.get("sent", ""),
        wait=ceil(flow.seconds_to_resend(g.now)),
        has_tries=flow.tries_left > 0,
    )


async def _account_page(note: Waiting, typed: dict[str, Any], errors: dict[str, str], *, stale: bool = False) -> str:
    return await render_template("doors/register.html", note=note, typed=typed, errors=errors, stale=stale)
