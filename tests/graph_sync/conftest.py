"""The role `sync`, step by step, against a Microsoft 365 of the test's own: real msal and SDK over TLS."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from emulator.ca import make_client_certificate, make_server_certificate
from emulator.server import serve
from emulator.tenant import Tenant
from emulator.world import World
from graph_sync.catch_up import catch_up, places
from graph_sync.graph import Graph
from graph_sync.pull import pull_due
from graph_sync.send import send_due
from graph_sync.worker import Worker
from service.blobs import Blobs
from service.core.states import Lane
from service.db.engine import Database
from service.db.subscriptions import ensure_watched
from service.settings import SyncSettings
from service.vault.ring import KeyRing
from tests.serving import free_port, until_open

INTAKE, MAILER = "secure-intake@ct.gov", "safemail@ct.gov"
ALICE, BORIS = "alice@ct.gov", "boris@po.state.ct.us"
BOB, CAROL, DAVE = "bob@example.com", "carol@example.org", "dave@example.net"
SECRET = "an-older-secret"
NEWER_SECRET = "a-secret-with-dashes-in-it"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_server_certificate(folder)
    make_client_certificate(folder)
    return folder


@pytest.fixture
def world() -> World:
    """Change it before the tenant is asked for."""
    return World()


@pytest.fixture
async def tenant(certificates: Path, world: World) -> AsyncIterator[Tenant]:
    made = Tenant.create(data=certificates, world=world, intake=INTAKE, mailer=MAILER, stamp_secret=NEWER_SECRET)
    made.exchange.add_mailbox(ALICE, "Alice Ames")
    made.exchange.add_mailbox(BORIS, "Boris Bell")
    for address in (BOB, CAROL, DAVE):
        made.exchange.outside_mailbox(address)
    port, stop = free_port(), asyncio.Event()
    task = asyncio.create_task(serve(made, port, stop))
    await until_open(port, task)
    yield made
    stop.set()
    await task


@pytest.fixture
def settings(tenant: Tenant, certificates: Path, database_url: str, ring_folder: Path, tmp_path: Path) -> SyncSettings:
    return make_settings(tenant, certificates, database_url, ring_folder, tmp_path)


def make_settings(
    tenant: Tenant, certificates: Path, database_url: str, ring_folder: Path, tmp_path: Path, **more: object
) -> SyncSettings:
    values: dict[str, object] = {
        "database": database_url,
        "public_url": "https://secure.example",
        "blobs": f"file://{tmp_path / 'blobs'}",
        "keys": ring_folder / "sync",
        "tenant": tenant.tenant_id,
        "client": tenant.client_id,
        "certificate": certificates / "app.pem",
        "entra_url": tenant.url,
        "graph_url": f"{tenant.url}/v1.0",
        "ca": tenant.ca_file,
        "hook_url": "http://localhost:9",
        "intake": [INTAKE],
        "mailers": [MAILER],
        "stamp_secrets": [SECRET, NEWER_SECRET],
        "leases": timedelta(seconds=2),
        "remind_unread": timedelta(),  # reminders have their own tests
        "remind_ending": timedelta(),
    }
    return SyncSettings.model_validate(values | more)


@pytest.fixture
async def graph(settings: SyncSettings) -> AsyncIterator[Graph]:
    opened = Graph(settings)
    yield opened
    await opened.close()


@pytest.fixture
async def worker(settings: SyncSettings, db: Database, blobs: Blobs, rings: dict[str, KeyRing], graph: Graph) -> Worker:
    made = Worker(settings, db, blobs, rings["sync"], graph)
    async with db.writing() as session:
        await ensure_watched(session, places(made))
    return made


async def take_in(worker: Worker) -> None:
    """Look now, whatever the last round's age, and pull what is there."""
    await catch_up(worker, every=timedelta())
    await pull_due(worker)


async def send_all(worker: Worker) -> int:
    return sum([await send_due(worker, lane) for lane in Lane])


def a_mail(
    *,
    to: str = BOB,
    cc: str = "",
    bcc: str = "",
    subject: str = "[secure] Your papers",
    sender: str = ALICE,
    body: bytes = b"Good day.\r\n",
    more: str = "",
) -> bytes:
    """Write a mail; `more` are further header lines."""
    lines = [f"From: {sender}", f"To: {to}", f"Cc: {cc}", f"Bcc: {bcc}", f"Subject: {subject}", *more.splitlines()]
    return "".join(f"{line}\r\n" for line in lines if not line.endswith(": ")).encode() + b"\r\n" + body
