"""The portal on a real database, and a browser that keeps cookies and presses what the page offers."""

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from quart.testing.utils import sentinel as no_json
from sqlalchemy import select, update

from service.blobs import Blobs
from service.core.limits import RETENTION
from service.core.states import Letter
from service.db.engine import Database
from service.db.tables import Delivery, Outbox
from service.letters.queue import open_payload
from service.portal.app import create_app
from service.settings import PortalSettings
from service.vault.ring import KeyRing
from service.vault.tokens import hash_token, new_token
from tests.conftest import Clock
from tests.mailbox.builders import BOB, a_sealed_mail

HOST = "safemail.example.gov"
ORIGIN = f"https://{HOST}"
PASSWORD = "seven blue herons 41 lanterns"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite: what both databases do is tested in tests/accounts."""
    return sqlite_url


@pytest.fixture
def settings(ring_folder: Path, database_url: str) -> PortalSettings:
    return PortalSettings(
        database=database_url,
        public_url=ORIGIN,
        blobs="memory:",
        keys=ring_folder / "portal",
        password_memory_kib=8,
        password_time=1,
    )


@pytest.fixture
def app(settings: PortalSettings, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock) -> Quart:
    return create_app(settings, db, blobs, rings["portal"], clock)


@dataclass
class Seen:
    """An answer as the browser got it."""

    status: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def to(self) -> str:
        return str(self.headers.get("Location", ""))


@dataclass
class Browser:
    """One person's browser, without script."""

    app: Quart
    jar: dict[str, str] = field(default_factory=dict)
    language: str = "en"
    page: Seen | None = None

    async def get(self, path: str, **headers: str) -> Seen:
        return await self._send("GET", path, headers)

    async def post(self, path: str, *, csrf: str | None = None, **fields: str) -> Seen:
        """Press a button of the page that is shown."""
        proof = csrf if csrf is not None else self.csrf
        return await self._send("POST", path, {"Sec-Fetch-Site": "same-origin"}, {"csrf": proof, **fields})

    async def send(self, path: str, headers: dict[str, str], **fields: str) -> Seen:
        return await self._send("POST", path, headers, fields)

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.page.text if self.page else "")
        return found[1] if found else ""

    async def follow(self, seen: Seen) -> Seen:
        while seen.status == 303:
            seen = await self.get(seen.to)
        return seen

    async def _send(self, method: str, path: str, headers: dict[str, str], form: Any = None) -> Seen:
        sent = {"Host": HOST, "Accept-Language": self.language, **headers}
        if self.jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        client = self.app.test_client(use_cookies=False)
        response = await client.open(path, method=method, headers=sent, form=form, json=no_json)
        for line in response.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.jar.pop(name, None)
                else:
                    self.jar[name] = morsel.value
        seen = Seen(response.status_code, response.headers, await response.get_data(as_text=False))
        if seen.body and seen.status != 303:
            self.page = seen
        return seen


@pytest.fixture
def browser(app: Quart) -> Browser:
    return Browser(app)


@dataclass
class Notice:
    """A message and the link to it."""

    token: str
    delivery_id: uuid.UUID
    address: str

    @property
    def link(self) -> str:
        return f"/d/{self.token}"

    @property
    def message(self) -> str:
        return f"/m/{self.delivery_id.hex}"


GiveNotice = Callable[..., Awaitable[Notice]]


@pytest.fixture
def a_notice(db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock) -> GiveNotice:
    async def give(to: str = BOB, life: timedelta = RETENTION) -> Notice:
        sealed = await a_sealed_mail(db, rings, blobs, to=(to,), now=clock(), life=life)
        token, token_hash = new_token()
        delivery_id = sealed.deliveries[to]
        async with db.writing() as session:
            await session.execute(update(Delivery).where(Delivery.id == delivery_id).values(token_hash=token_hash))
        assert hash_token(token) == token_hash
        return Notice(token, delivery_id, to)

    return give


@pytest.fixture
def letters(db: Database, rings: dict[str, KeyRing]) -> Callable[[], Awaitable[list[dict[str, Any]]]]:
    """What was queued for the code lane, opened as `sync` opens it, oldest first."""

    async def read() -> list[dict[str, Any]]:
        async with db.reading() as session:
            rows = await session.scalars(
                select(Outbox).where(Outbox.letter == Letter.CODE).order_by(Outbox.created_at, Outbox.once)
            )
            return [open_payload(rings["sync"], row) for row in rows]

    return read


Told = Callable[[], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def told(db: Database, rings: dict[str, KeyRing]) -> Told:
    """What account letters were queued, opened as `sync` opens them, oldest first, with whose they are."""

    async def read() -> list[dict[str, Any]]:
        async with db.reading() as session:
            rows = await session.scalars(
                select(Outbox).where(Outbox.letter == Letter.ACCOUNT).order_by(Outbox.created_at)
            )
            return [open_payload(rings["sync"], row) | {"whose": row.recipient_id} for row in rows]

    return read


@dataclass
class Person:
    """Somebody with an account, and the browser in which they made it."""

    browser: Browser
    notice: Notice
    app: Quart

    def elsewhere(self) -> Browser:
        return Browser(self.app)


Register = Callable[..., Awaitable[Person]]


@pytest.fixture
def registered(app: Quart, a_notice: GiveNotice, letters: Any) -> Register:
    async def register(to: str = BOB, password: str = PASSWORD) -> Person:
        notice, browser, before = await a_notice(to), Browser(app), await letters()
        await browser.follow(await browser.get(notice.link))
        await browser.follow(await browser.post("/register/start"))
        [code] = [letter["code"] for letter in await letters() if letter not in before]
        await browser.follow(await browser.post("/register/code", code=code))
        answer = await browser.post(
            "/register", first="Bob", last="Example", password=password, confirm=password, hint="", language="en"
        )
        assert answer.to == notice.message, answer.text
        return Person(browser, notice, app)

    return register


async def sign_in(browser: Browser, address: str, password: str) -> Seen:
    await browser.get("/sign-in")
    return await browser.post("/sign-in", email=address, password=password)
