"""The portal with two signed-in readers."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from playwright.async_api import Browser, BrowserContext, Page
from quart import Quart, Response

from service.accounts.sessions import add_session
from service.blobs import Blobs
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account
from service.portal.app import create_app
from service.settings import PortalSettings
from service.vault.people import seal_to_recipient
from service.vault.ring import KeyRing
from service.vault.tokens import csrf_of
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, a_recipient, a_sealed_mail, with_files

HOST = "localhost:8400"
ORIGIN = f"http://{HOST}"
HTML = "<p>Good morning</p><img src='https://pictures.example/1.png'><p style='color:#900'>Red words</p>"
LONG = "x" * 90


@pytest.fixture(scope="session")
def portal_settings(ring_folder: Path) -> PortalSettings:
    return PortalSettings(
        database="sqlite+aiosqlite:///unused",
        public_url=ORIGIN,
        blobs="memory:",
        keys=ring_folder / "portal",
        message_bytes=2_000_000,
        password_memory_kib=8,
        password_time=1,
    )


@pytest.fixture
def database_url(tmp_path: Path, sqlite_template: Path) -> str:
    """SQLite only: what both databases do is tested in tests/mailbox."""
    path = tmp_path / "database.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def app(
    portal_settings: PortalSettings, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock
) -> Quart:
    return create_app(portal_settings, db, blobs, rings["portal"], clock)


@dataclass
class Signed:
    """A reader's browser."""

    app: Quart
    token: str
    recipient_id: uuid.UUID

    @property
    def csrf(self) -> str:
        return csrf_of(self.token)

    async def get(self, path: str, **headers: str) -> Response:
        client = self.app.test_client(use_cookies=False)
        return await client.get(path, headers={"Host": HOST, "Cookie": f"safemail={self.token}", **headers})

    async def post(
        self,
        path: str,
        fields: dict[str, str] | None = None,
        files: list[tuple[str, bytes]] | None = None,
        *,
        csrf: str | None = None,
        carry: Sequence[int] | None = None,
        **headers: str,
    ) -> Response:
        parts: list[tuple[str, str | None, bytes]] = [("csrf", None, (self.csrf if csrf is None else csrf).encode())]
        parts += [(name, None, value.encode()) for name, value in (fields or {}).items() if name != "do"]
        if carry is not None:
            parts += [("carries", None, b"1"), *(("carry", None, str(number).encode()) for number in carry)]
        parts += [("files", name, content) for name, content in files or []]
        parts += [("do", None, (fields or {}).get("do", "send").encode())]
        kind, body = multipart(parts)
        client = self.app.test_client(use_cookies=False)
        sent = {"Host": HOST, "Cookie": f"safemail={self.token}", "Sec-Fetch-Site": "same-origin", "Content-Type": kind}
        return await client.post(path, headers={**sent, **headers}, data=body)

    async def press(
        self, path: str, fields: list[tuple[str, str]], *, csrf: str | None = None, **headers: str
    ) -> Response:
        """Send a form without files."""
        client = self.app.test_client(use_cookies=False)
        sent = {
            "Host": HOST,
            "Cookie": f"safemail={self.token}",
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        proof = ("csrf", self.csrf if csrf is None else csrf)
        return await client.post(path, headers={**sent, **headers}, data=urlencode([proof, *fields]).encode())


def multipart(parts: list[tuple[str, str | None, bytes]]) -> tuple[str, bytes]:
    """Write a form as a browser does."""
    out = b""
    for name, file_name, content in parts:
        head = f'Content-Disposition: form-data; name="{name}"'
        if file_name is not None:
            head += f'; filename="{file_name}"\r\nContent-Type: application/octet-stream'
        out += b"------form7MA4\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return "multipart/form-data; boundary=----form7MA4", out + b"------form7MA4--\r\n"


async def sign_in(app: Quart, db: Database, rings: dict[str, KeyRing], clock: Clock, address: str) -> Signed:
    recipient = await a_recipient(db, rings, address, clock.now)
    name = json.dumps({"first": address.partition("@")[0].title(), "last": "Reader"}).encode()
    async with db.writing() as session:
        session.add(
            Account(
                id=recipient.id,
                state=AccountState.ACTIVE,
                password="none",
                password_at=clock.now,
                name=seal_to_recipient(recipient.public_key, f"name/{recipient.id.hex}", name),
                created_at=clock.now,
            )
        )
        await session.flush()
        token = await add_session(session, rings["portal"], recipient.id, None, clock.now)
    return Signed(app, token, recipient.id)


@pytest.fixture
async def bob(app: Quart, db: Database, rings: dict[str, KeyRing], clock: Clock) -> Signed:
    return await sign_in(app, db, rings, clock, BOB)


@pytest.fixture
async def carol(app: Quart, db: Database, rings: dict[str, KeyRing], clock: Clock) -> Signed:
    return await sign_in(app, db, rings, clock, CAROL)


@dataclass
class Site:
    """The portal on a port, and Bob's session in it."""

    url: str
    token: str
    mail: str

    async def open(self, browser: Browser, **options: Any) -> tuple[BrowserContext, Page, list[str]]:
        context = await browser.new_context(**options)
        await context.add_cookies([{"name": "safemail", "value": self.token, "url": self.url}])
        page = await context.new_page()
        faults: list[str] = []
        page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        return context, page, faults


@pytest.fixture
async def site(
    portal_settings: PortalSettings, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock
) -> AsyncIterator[Site]:
    probe = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    url = f"http://localhost:{port}"
    app = create_app(portal_settings.model_copy(update={"public_url": url}), db, blobs, rings["portal"], clock)
    bob = await sign_in(app, db, rings, clock, BOB)
    files = [("Form.pdf", "application/pdf", b"%PDF" * 99), (f"{LONG}.exe", "application/octet-stream", b"MZ")]
    mail = await a_sealed_mail(db, rings, blobs, with_files(*files, html=HTML), now=clock.now)
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = None
    config.graceful_timeout = 1
    stop = asyncio.Event()
    task = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    for _ in range(250):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()
            break
        await asyncio.sleep(0.02)
    yield Site(url, bob.token, f"/m/{mail.deliveries[BOB].hex}")
    stop.set()
    await task
