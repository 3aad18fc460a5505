"""The whole role with its webhook: woken at once, and as safe without being woken."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config
from sqlalchemy import func, select

from emulator.tenant import Tenant
from graph_sync.catch_up import catch_up
from graph_sync.graph import Graph
from graph_sync.subscribe import keep_subscribed
from graph_sync.sync import run, work
from graph_sync.webhook import create_app
from graph_sync.worker import Worker
from service.blobs import Blobs
from service.db.engine import Database
from service.db.tables import Arrival, Message, Subscription
from service.settings import HookSettings, SyncSettings
from service.vault.ring import KeyRing
from tests.graph_sync.conftest import ALICE, BOB, CAROL, a_mail, make_settings, take_in
from tests.serving import free_port, until_open


@pytest.fixture
async def hook_url(database_url: str, tenant: Tenant) -> AsyncIterator[str]:
    """The webhook, served; as the role does it, with a database of its own."""
    db = Database(database_url)
    app = create_app(
        HookSettings(database=database_url, public_url="https://secure.example", tenant=tenant.tenant_id), db
    )
    port, stop = free_port(), asyncio.Event()
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = None
    task = asyncio.create_task(serve_asgi(app, config, shutdown_trigger=stop.wait, mode="asgi"))
    await until_open(port, task)
    yield f"http://127.0.0.1:{port}"
    stop.set()
    await task
    await db.close()


@pytest.fixture
def settings(
    tenant: Tenant, certificates: Path, database_url: str, ring_folder: Path, tmp_path: Path, hook_url: str
) -> SyncSettings:
    return make_settings(tenant, certificates, database_url, ring_folder, tmp_path, hook_url=hook_url)


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - the emulator is looked at from outside
            await asyncio.sleep(0.01)


@pytest.fixture
async def running(settings: SyncSettings, tenant: Tenant) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run(settings, stop))
    await until(lambda: len(tenant.subscriptions) == 2)
    yield
    stop.set()
    await task


@pytest.mark.usefixtures("running")
async def test_a_sent_mail_brings_notices_and_a_receipt(tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(bcc=CAROL))
    await until(lambda: len(tenant.exchange.outside[BOB].mails) == 1)
    await until(lambda: len(tenant.exchange.outside[CAROL].mails) == 1)
    await until(lambda: len(tenant.exchange.mailboxes[ALICE].folder("inbox").items) == 1)


async def test_nothing_depends_on_a_notification(settings: SyncSettings, tenant: Tenant):
    tenant.world.chaos.drop = 1.0
    settings = settings.model_copy(update={"delta_every": timedelta(seconds=0.5)})
    stop = asyncio.Event()
    task = asyncio.create_task(run(settings, stop))
    for _ in range(3):
        await tenant.exchange.submit(ALICE, a_mail())
    await until(lambda: len(tenant.exchange.outside[BOB].mails) == 3)
    stop.set()
    await task


@pytest.mark.usefixtures("running")
async def test_doubled_and_disordered_notifications_change_nothing(tenant: Tenant, db: Database):
    tenant.world.chaos.double, tenant.world.chaos.reorder = 1.0, True
    for number in range(8):
        await tenant.exchange.submit(ALICE, a_mail(subject=f"[secure] {number}"))
    await until(lambda: len(tenant.exchange.outside[BOB].mails) == 8, 20)
    await asyncio.sleep(0.5)
    assert len(tenant.exchange.outside[BOB].mails) == 8
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Message)) == 8


async def test_a_fault_every_few_requests_loses_and_doubles_nothing(
    settings: SyncSettings, tenant: Tenant, db: Database
):
    chaos = tenant.world.chaos
    chaos.fail, chaos.throttle, chaos.cut, chaos.retry_after = 0.05, 0.05, 0.2, 0
    settings = settings.model_copy(update={"delta_every": timedelta(seconds=0.5)})
    stop = asyncio.Event()
    task = asyncio.create_task(run(settings, stop))
    for number in range(3):
        await tenant.exchange.submit(ALICE, a_mail(subject=f"[secure] {number}"))
    await until(lambda: len(tenant.exchange.outside[BOB].mails) == 3, 120)
    chaos.fail = chaos.throttle = chaos.cut = 0.0
    stop.set()
    await task
    assert len(tenant.exchange.outside[BOB].mails) == 3
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Message)) == 3


async def subscriptions(worker: Worker) -> list[Subscription]:
    async with worker.db.reading() as session:
        return list((await session.scalars(select(Subscription))).all())


async def test_subscriptions_are_made_once_and_renewed(worker: Worker, tenant: Tenant):
    assert await keep_subscribed(worker) == 2
    first = {one.id for one in tenant.subscriptions.values()}
    assert await keep_subscribed(worker) == 2
    assert await keep_subscribed(worker, check=True) == 2
    assert {one.id for one in tenant.subscriptions.values()} == first
    for one in tenant.subscriptions.values():
        assert one.expires > worker.now() + timedelta(days=5)


async def test_a_shorter_life_is_taken_where_the_longer_is_refused(worker: Worker, tenant: Tenant):
    tenant.world.max_expiry = timedelta(minutes=4_230)
    assert await keep_subscribed(worker) == 2
    rows = await subscriptions(worker)
    assert all(row.expires_at and row.expires_at < worker.now() + timedelta(days=3) for row in rows)


async def test_a_subscription_that_graph_forgot_is_made_anew(worker: Worker, tenant: Tenant):
    await keep_subscribed(worker)
    tenant.graph.subscriptions.clear()
    assert await keep_subscribed(worker, check=True) == 2
    assert {row.graph_id for row in await subscriptions(worker)} == set(tenant.subscriptions)


async def test_without_permission_to_subscribe_the_rounds_still_find_everything(worker: Worker, tenant: Tenant):
    tenant.world.subscription_needs_entra_permission = True
    assert await keep_subscribed(worker) == 0
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    async with worker.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Message)) == 1


@pytest.mark.parametrize("answer", ["gone", "syncStateNotFound"])
async def test_an_expired_delta_token_starts_over_and_doubles_nothing(worker: Worker, tenant: Tenant, answer: str):
    tenant.world.expired_delta = answer  # type: ignore[assignment]
    for _ in range(2):
        await tenant.exchange.submit(ALICE, a_mail())
    await catch_up(worker, every=timedelta())
    tenant.graph.delta_epoch += 1
    await tenant.exchange.submit(ALICE, a_mail())
    await catch_up(worker, every=timedelta())
    async with worker.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Arrival)) == 3


async def test_more_than_a_page_is_listed_whole(worker: Worker, tenant: Tenant):
    for _ in range(120):
        await tenant.exchange.submit(ALICE, a_mail())
    assert await catch_up(worker, every=timedelta()) == 120


async def test_two_processes_share_the_work(
    worker: Worker, tenant: Tenant, settings: SyncSettings, blobs: Blobs, rings: dict[str, KeyRing], graph: Graph
):
    db = Database(settings.database)
    other = Worker(settings, db, blobs, rings["sync"], graph)
    for number in range(10):
        await tenant.exchange.submit(ALICE, a_mail(subject=f"[secure] {number}"))
    stop = asyncio.Event()
    tasks = [asyncio.create_task(work(one, stop)) for one in (worker, other)]
    await until(lambda: len(tenant.exchange.outside[BOB].mails) == 10, 30)
    await asyncio.sleep(0.3)
    stop.set()
    await asyncio.gather(*tasks)
    await db.close()
    assert len(tenant.exchange.outside[BOB].mails) == 10
