"""Sign in and out. One answer for everything that does not fit."""

import re
import uuid
from ipaddress import IPv4Address, IPv6Network, ip_address
from urllib.parse import unquote

from quart import abort, g, make_response, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.coming_in import Tokens
from service.accounts.factors.second_step import NeedsCode
from service.accounts.sessions import end_session
from service.accounts.signing_in import Attempt, CameIn, NotSignedIn, sign_in
from service.core.browsers import Browser
from service.core.limits import KNOWN_DEVICE, STEP_LIFE
from service.portal.cookies import Cookies, drop_cookie, keep_cookie
from service.portal.doors.blueprint import doors
from service.portal.doors.waiting import Waiting, waiting
from service.portal.session import csrf_ok, is_own_page, keeps_what_was_typed
from service.portal.state import portal

OUT = {"time", "self", "again", "code"}
_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}|\[([0-9A-Fa-f:.]{2,45})\](?::\d{1,5})?")


@doors.get("/sign-in")
async def sign_in_page() -> ResponseReturnValue:
    note = await waiting()
    if (wish := request.args.get("next", "")) and is_own_page(wish):
        keep_cookie(portal().cookies.next, wish)
    if g.reader is not None:
        here = wish if is_own_page(wish) else next_page()
        return await render_template("doors/signed_in.html", here=here)
    out = request.args.get("out", "")
    email = note.address if note is not None and note.has_account else ""
    return await sign_in_form(note, email=email, out=out if out in OUT else "")


@doors.post("/sign-in")
@keeps_what_was_typed
async def sign_in_post() -> ResponseReturnValue:
    form = await request.form
    note = await waiting()
    email = form.get("email", "").strip()[:320]
    if not csrf_ok(form):
        if g.reader is not None:
            return redirect("/sign-in", 303)
        return await sign_in_form(note, email=email, problem="stale" if g.pre else "cookies"), 400
    state = portal()
    device = request.cookies.get(state.cookies.device, "")
    attempt = Attempt(email, form.get("password", ""), device, network(), browser(), state.rules)
    result = await sign_in(state.db, state.ring, state.hashing, attempt, g.now)
    if result is NotSignedIn.DISABLED:
        return await render_template("doors/disabled.html"), 403
    if isinstance(result, NeedsCode):
        return ask_for_code(result)
    if not isinstance(result, CameIn):
        return await sign_in_form(note, email=email, problem="wrong"), 401
    where = way_in(note, result.account_id)
    come_in(result.tokens)
    return redirect(where, 303)


@doors.post("/sign-out")
async def sign_out() -> ResponseReturnValue:
    state = portal()
    cookies = state.cookies
    if g.reader is not None:
        async with state.db.writing() as session:
            await end_session(session, g.reader.session_id)
        state.keys.drop(g.reader.session_id)
    for name in (cookies.session, cookies.next, *_of_the_way(cookies)):
        drop_cookie(name)
    response = await make_response(redirect("/sign-in?out=self", 303))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@doors.post("/stay")
async def stay() -> ResponseReturnValue:
    """Answer the person who pressed *Stay signed in*: coming here was the sign of life."""
    if g.reader is None:
        abort(401)
    return {"seconds": int((g.reader.session_ends_at - g.now).total_seconds())}


def come_in(tokens: Tokens) -> None:
    """Set the cookies of who just came in; what was kept for the way here goes."""
    cookies = portal().cookies
    keep_cookie(cookies.session, tokens.session)
    if tokens.device is not None:
        keep_cookie(cookies.device, tokens.device, int(KNOWN_DEVICE.total_seconds()))
    for name in (cookies.pre, cookies.next, *_of_the_way(cookies)):
        drop_cookie(name)


def ask_for_code(needed: NeedsCode) -> ResponseReturnValue:
    """Lead to the second step; what was kept for the way here stays."""
    keep_cookie(portal().cookies.step, needed.token, int(STEP_LIFE.total_seconds()))
    return redirect("/sign-in/code", 303)


def next_page() -> str:
    wish = unquote(request.cookies.get(portal().cookies.next, ""))
    return wish if is_own_page(wish) else "/"


def way_in(note: Waiting | None, account_id: uuid.UUID) -> str:
    """Return where somebody goes who came in: to the message that they came for, or to the page."""
    is_theirs = note is not None and note.delivery.recipient_id == account_id
    return f"/m/{note.delivery.id.hex}" if note is not None and is_theirs else next_page()


async def sign_in_form(note: Waiting | None, *, email: str, out: str = "", problem: str = "") -> str:
    return await render_template("doors/sign_in.html", note=note, email=email, out=out, problem=problem)


def _of_the_way(cookies: Cookies) -> tuple[str, ...]:
    """Return the cookies that matter until somebody is in."""
    return cookies.link, cookies.flow, cookies.reset, cookies.step, cookies.passkey


def browser() -> Browser:
    return Browser.of(request.headers.get("User-Agent", ""))


def network() -> str:
    hops = portal().settings.trusted_hops
    return network_of(",".join(request.headers.getlist("X-Forwarded-For")), request.remote_addr or "", hops)


def network_of(forwarded: str, remote: str, hops: int) -> str:
    """Return where a request comes from: the address, or the network of one that holds many (IPv6: /64).

    Some proxies write a port behind the address; a socket for both families writes IPv4 as ::ffff:192.0.2.1.
    """
    seen = [part.strip() for part in forwarded.split(",")]
    given = seen[-hops] if 0 < hops <= len(seen) else remote
    found = _PORT.fullmatch(given)
    try:
        address = ip_address((found[1] or found[2]) if found else given)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))
