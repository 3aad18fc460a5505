"""A Microsoft 365 of its own for each test, on a free port over TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msal
import pytest
import requests
from quart import Quart, Response, request

from emulator.ca import make_client_certificate, make_server_certificate
from emulator.server import serve
from emulator.tenant import Tenant
from emulator.world import World
from tests.serving import free_port, until_open

INTAKE, MAILER = "secure-intake@ct.gov", "secure@safemail.ct.gov"
ALICE, BORIS = "alice@ct.gov", "boris@po.state.ct.us"
BOB, CAROL = "bob@example.com", "carol@example.org"
SECRET = "a stamp's secret"
SCOPES = ["https://graph.microsoft.com/.default"]
IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_server_certificate(folder)
    make_client_certificate(folder)
    return folder


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def tenant(certificates: Path, world: World) -> Tenant:
    made = Tenant.create(data=certificates, world=world, intake=INTAKE, mailer=MAILER, stamp_secret=SECRET)
    made.exchange.add_mailbox(ALICE, "Alice Ames")
    made.exchange.add_mailbox(BORIS, "Boris Bell")
    return made


@pytest.fixture
async def microsoft(tenant: Tenant) -> AsyncIterator[Tenant]:
    """The tenant, served."""
    port, stop = free_port(), asyncio.Event()
    task = asyncio.create_task(serve(tenant, port, stop))
    await until_open(port, task)
    yield tenant
    stop.set()
    await task


def acquire(tenant: Tenant, certificates: Path) -> dict[str, Any]:
    """Get a token as the product does, with the real msal."""
    pem = (certificates / "app.pem").read_text()
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(tenant.ca_file)
        app = msal.ConfidentialClientApplication(
            tenant.client_id,
            authority=f"{tenant.url}/{tenant.tenant_id}",
            instance_discovery=False,
            http_client=session,
            client_credential={"private_key": pem, "public_certificate": pem[pem.index("-----BEGIN CERT") :]},
        )
        found: dict[str, Any] = app.acquire_token_for_client(SCOPES)
        return found


@pytest.fixture
async def graph(microsoft: Tenant, certificates: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client that bears a token."""
    token = (await asyncio.to_thread(acquire, microsoft, certificates))["access_token"]
    async with httpx.AsyncClient(
        verify=ssl.create_default_context(cafile=microsoft.ca_file),
        trust_env=False,
        base_url=f"{microsoft.url}/v1.0",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    ) as http:
        yield http


@dataclass
class Hook:
    """A webhook that keeps what it was told."""

    url: str
    told: list[dict[str, Any]]
    posts: int = 0
    answers: bool = True
    """Whether the handshake is answered well."""
    status: int = 202

    async def until(self, count: int, seconds: float = 5.0) -> list[dict[str, Any]]:
        async with asyncio.timeout(seconds):
            while len(self.told) < count:  # noqa: ASYNC110 - what is told comes over a socket
                await asyncio.sleep(0.01)
        return self.told


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    from hypercorn.asyncio import serve as serve_asgi
    from hypercorn.config import Config

    port, stop, app = free_port(), asyncio.Event(), Quart("hook")
    found = Hook(f"http://127.0.0.1:{port}/notify?key=1", [])

    @app.post("/notify")
    async def notify() -> Response:
        token = request.args.get("validationToken")
        if token is not None:
            return Response(token if found.answers else "wrong", content_type="text/plain")
        assert request.args["key"] == "1"
        found.posts += 1
        if found.status < 300:
            found.told += (await request.get_json())["value"]
        return Response("", found.status)

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = None
    task = asyncio.create_task(serve_asgi(app, config, shutdown_trigger=stop.wait, mode="asgi"))
    await until_open(port, task)
    yield found
    stop.set()
    await task


def a_mail(
    *,
    to: str = BOB,
    cc: str = "",
    bcc: str = "",
    subject: str = "Hello",
    sender: str = ALICE,
    body: bytes = b"Good day.\r\n",
    more: str = "",
) -> bytes:
    """Write a mail; `more` are further header lines."""
    lines = [f"From: {sender}", f"To: {to}", f"Cc: {cc}", f"Bcc: {bcc}", f"Subject: {subject}", *more.splitlines()]
    return "".join(f"{line}\r\n" for line in lines if not line.endswith(": ")).encode() + b"\r\n" + body
