"""Who reads: the session behind the cookie, the reader's opened key, and the proof in every form.

A page asks with `@signed_in` and finds `g.reader`. Keys live in memory only, as long as their session.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import ParamSpec
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quart import Quart, abort, current_app, g, redirect, request
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from service.accounts.passwords import must_change_password
from service.accounts.sessions import WRITE_EVERY, SignedIn, find_session, has_fresh_proof, touch_session
from service.core.preferences import Dates, Preferences, read_preferences
from service.core.states import AccountState
from service.portal import language
from service.portal.cookies import keep_cookie
from service.portal.dates import Times
from service.portal.state import Portal, portal
from service.portal.uploads import UPLOAD_PATH
from service.recipients import own_address, unlock
from service.vault.people import RecipientKey
from service.vault.tokens import TOKEN_LONGEST, csrf_of, new_token, same

KEYS_KEPT = 4096
NEXT_LONGEST = 1024
PASSIVE = {"doors.asset", "doors.sign_in_page", "doors.link", "doors.reset_link"}
"""Pages whose call is no sign of life."""
CHANGE = {"doors.password", "doors.password_post"}
NOT_NEXT = {*PASSIVE, "doors.password", "doors.reset"}
"""Where nobody is led back to."""
P = ParamSpec("P")
View = Callable[P, Awaitable[ResponseReturnValue]]


@dataclass(frozen=True, slots=True, repr=False)
class Reader:
    """The signed-in person."""

    account_id: uuid.UUID
    key: RecipientKey
    first: str
    last: str
    address: str
    language: str
    zone: ZoneInfo
    theme: str
    session_id: uuid.UUID
    session_ends_at: datetime
    must_change_password: bool
    has_fresh_proof: bool
    """They proved lately who they are: else they are asked again before they change how to come in."""
    preferences: Preferences
    is_guest: bool
    """Reads with mailed codes and has no password: some pages are not for them."""

    @property
    def recipient_id(self) -> uuid.UUID:
        return self.account_id

    @property
    def name(self) -> str:
        """What they are called; a guest never said."""
        return f"{self.first} {self.last}".strip() or self.address

    @property
    def initials(self) -> str:
        return (self.first[:1] + self.last[:1] or self.address[:1]).upper()


@dataclass(slots=True, repr=False)
class KeptKeys:
    """Opened keys by session: one unwrap per session and process."""

    kept: dict[uuid.UUID, tuple[RecipientKey, str, datetime]] = field(default_factory=dict)

    def get(self, session_id: uuid.UUID, until: datetime, now: datetime) -> tuple[RecipientKey, str] | None:
        found = self.kept.pop(session_id, None)
        if found is None or found[2] <= now:
            return None
        self.kept[session_id] = (found[0], found[1], until)
        return found[0], found[1]

    def keep(self, session_id: uuid.UUID, key: RecipientKey, address: str, until: datetime, now: datetime) -> None:
        for old in [one for one, (_, _, end) in self.kept.items() if end <= now]:
            del self.kept[old]
        while len(self.kept) >= KEYS_KEPT:
            del self.kept[next(iter(self.kept))]
        self.kept[session_id] = (key, address, until)

    def drop(self, session_id: uuid.UUID) -> None:
        self.kept.pop(session_id, None)


def signed_in(view: View[P]) -> View[P]:
    """Let only a signed-in reader in; others sign in first and come back to where they wanted to go."""

    @wraps(view)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.reader is None:
            return to_sign_in()
        if g.reader.must_change_password and not _may_go_on():
            remember_next()
            return redirect("/password", 303)
        return await view(*args, **kwargs)

    return wrapped


def _may_go_on() -> bool:
    """A password that grows too old while its owner writes costs them no word: the next page asks for a new one."""
    is_form = request.method == "POST" and UPLOAD_PATH.fullmatch(request.path) is not None
    return is_form or request.endpoint in CHANGE


def keeps_what_was_typed(view: View[P]) -> View[P]:
    """Mark a form page that checks `csrf_ok` itself, to show what was typed again where the proof is too old."""
    view.checks_csrf = True  # type: ignore[attr-defined]  # read again by the guard of all forms
    return view


def to_sign_in() -> ResponseReturnValue:
    remember_next()
    had_session = portal().cookies.session in request.cookies
    return redirect("/sign-in?out=time" if had_session else "/sign-in", 303)


def remember_next() -> None:
    """Keep where one wanted to go, if a page of ours is there."""
    path = request.full_path.rstrip("?")
    if is_own_page(path):
        keep_cookie(portal().cookies.next, quote(path, safe="/?=&%"))


def is_own_page(path: str) -> bool:
    """Say whether a path is one of our pages: never another site, however it is spelt."""
    if not path.startswith("/") or len(path) > NEXT_LONGEST or not path.isascii() or not path.isprintable():
        return False
    if path.startswith("//") or "\\" in path:
        return False
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    try:
        endpoint, _ = adapter.match(path.partition("?")[0], method="GET")
    except (HTTPException, RequestRedirect):
        return False
    return endpoint not in NOT_NEXT


def csrf_token() -> str:
    """Return the proof for a form of this browser; before sign-in it is bound to a cookie of its own."""
    cookies = portal().cookies
    if g.reader is not None:
        return csrf_of(request.cookies[cookies.session])
    if not g.pre:
        g.pre, _ = new_token()
        keep_cookie(cookies.pre, g.pre)
    return csrf_of(g.pre)


def csrf_ok(form: Mapping[str, str]) -> bool:
    """Say whether this form came from a page of ours in this browser."""
    given = form.get("csrf", "")
    held = request.cookies.get(portal().cookies.session, "") if g.reader is not None else g.pre
    return bool(held) and same(given, csrf_of(held))


def set_up(app: Quart, state: Portal) -> None:
    @app.before_request
    async def take_form() -> None:
        """Wait for the whole form first: whoever holds its end back must not act in a session that ended meanwhile."""
        if request.method != "POST" or request.endpoint is None or UPLOAD_PATH.fullmatch(request.path):
            return
        if _is_same_origin(state.settings.public_url):
            await request.form

    @app.before_request
    async def load() -> None:
        g.reader, g.pre, g.now = None, request.cookies.get(state.cookies.pre, "")[:TOKEN_LONGEST], state.clock()
        token = request.cookies.get(state.cookies.session, "")
        account_language = ""
        if token and request.endpoint != "doors.asset":
            async with state.db.reading() as session:
                found = await find_session(session, state.ring, state.rules, token, g.now)
            if found is not None:
                if found.is_due(g.now) and request.endpoint not in PASSIVE:
                    async with state.db.writing() as session:
                        await touch_session(session, found.session.id, g.now)
                    found.session.seen_at = g.now
                g.reader = await _reader(state, found)
                account_language = found.account.language
        language.speak(language.negotiate(account_language))
        zone = g.reader.zone if g.reader is not None else state.settings.zone
        style: Dates = g.reader.preferences.dates if g.reader is not None else ""
        g.times = Times(zone, language.language(), g.now, style)

    @app.before_request
    async def check_origin() -> None:
        if request.method in {"GET", "HEAD", "OPTIONS"} or request.endpoint is None:
            return
        if not _is_same_origin(state.settings.public_url):
            abort(403)
        view = current_app.view_functions[request.endpoint]
        checks_itself = getattr(view, "checks_csrf", False) or UPLOAD_PATH.fullmatch(request.path)
        if not checks_itself and not csrf_ok(await request.form):
            abort(400, "stale")


async def is_still_in() -> bool:
    """Say whether the session lives that a long upload began in."""
    on, token = portal(), request.cookies.get(portal().cookies.session, "")
    async with on.db.reading() as session:
        return await find_session(session, on.ring, on.rules, token, on.clock()) is not None


async def show_life() -> None:
    """Note that somebody is here whose upload takes long; one that was signed out meanwhile stays so."""
    on = portal()
    if (now := on.clock()) - g.get("alive_at", g.now) >= WRITE_EVERY:
        g.alive_at = now
        async with on.db.writing() as session:
            await touch_session(session, g.reader.session_id, now)


def seconds_left() -> int:
    """Return how long the session lasts if nothing happens from now on."""
    reader: Reader = g.reader
    return int((reader.session_ends_at - g.now).total_seconds())


def way_back() -> str:
    """Return where a page goes when its session ended: to sign-in, and from there back."""
    here = request.full_path.rstrip("?")
    leads_back = request.method == "GET" and not g.get("is_refusal") and is_own_page(here)
    back = f"&next={quote(here, safe='/')}" if leads_back else ""
    return f"/sign-in?out=time{back}"


def _is_same_origin(public_url: str) -> bool:
    """Fetch metadata where the browser sends it, else Origin; neither: no."""
    site = request.headers.get("Sec-Fetch-Site", "")
    if site:
        return site == "same-origin"
    return request.headers.get("Origin", "") == public_url


def _zone(key: str) -> ZoneInfo | None:
    """Find an account's time zone; one that this release does not know any more must not shut its owner out."""
    try:
        return ZoneInfo(key) if key else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


async def _reader(state: Portal, found: SignedIn) -> Reader:
    kept = state.keys.get(found.session.id, found.ends_at, g.now)
    if kept is None:
        key = await unlock(state.ring, found.recipient)
        kept = (key, own_address(state.ring, key, found.recipient))
        state.keys.keep(found.session.id, *kept, found.ends_at, g.now)
    key, address = kept
    is_guest = found.account.state is AccountState.GUEST
    name = json.loads(key.open(f"name/{found.account.id.hex}", found.account.name))
    return Reader(
        account_id=found.account.id,
        key=key,
        first=name["first"],
        last=name["last"],
        address=address,
        language=found.account.language,
        zone=_zone(found.account.time_zone) or state.settings.zone,
        theme=found.account.theme,
        session_id=found.session.id,
        session_ends_at=found.ends_at,
        must_change_password=not is_guest and must_change_password(found.account.password_at, g.now, state.rules),
        has_fresh_proof=has_fresh_proof(found.session, g.now),
        preferences=read_preferences(found.account.preferences),
        is_guest=is_guest,
    )
