"""The webhook: believes nobody, leaves one row, answers at once."""

import asyncio
import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from graph_sync.webhook import create_app
from service.db.engine import Database
from service.db.tables import Subscription
from service.settings import HookSettings

STATE, TENANT, GRAPH_ID = "a client state", "a-tenant", "a-subscription"


@pytest.fixture
def app(db: Database, database_url: str) -> Any:
    settings = HookSettings(database=database_url, public_url="https://secure.example", tenant=TENANT)
    return create_app(settings, db)


async def a_row(db: Database, *, is_pending: bool = False) -> Subscription:
    row = Subscription(
        id=uuid.uuid4(),
        mailbox="secure-intake@ct.gov",
        folder="inbox",
        graph_id="" if is_pending else GRAPH_ID,
        client_state_hash=hashlib.sha256(STATE.encode()).digest(),
        pending_until=datetime.now(UTC) + timedelta(seconds=30) if is_pending else None,
        expires_at=datetime.now(UTC) + timedelta(days=3),
        wakes=0,
    )
    async with db.writing() as session:
        session.add(row)
    return row


async def wakes(db: Database, row: Subscription) -> int:
    async with db.reading() as session:
        return (await session.get_one(Subscription, row.id)).wakes


def a_notification(**changed: Any) -> dict[str, Any]:
    return {
        "subscriptionId": GRAPH_ID,
        "clientState": STATE,
        "tenantId": TENANT,
        "changeType": "created",
        "resource": "Users/u/Messages/m",
    } | changed


def path(row: Subscription) -> str:
    return f"/graph/notify/{row.id.hex}"


async def test_a_notification_raises_one_wake(app: Any, db: Database):
    row = await a_row(db)
    answer = await app.test_client().post(path(row), json={"value": [a_notification()] * 3})
    assert answer.status_code == 202
    assert await wakes(db, row) == 1


@pytest.mark.parametrize(
    "changed", [{"clientState": "another"}, {"clientState": None}, {"subscriptionId": "x"}, {"tenantId": "x"}]
)
async def test_what_is_not_ours_is_not_found(app: Any, db: Database, changed: dict[str, Any]):
    row = await a_row(db)
    answer = await app.test_client().post(path(row), json={"value": [a_notification(**changed)]})
    assert answer.status_code == 404
    assert await wakes(db, row) == 0


async def test_a_thousand_forged_posts_leave_the_tables_as_they_were(app: Any, db: Database):
    row = await a_row(db)
    client = app.test_client()

    async def sizes() -> list[Any]:
        async with db.reading() as session:
            tables = ("subscriptions", "arrivals", "outbox", "rates", "audit")
            return [await session.scalar(text(f"SELECT count(*) FROM {name}")) for name in tables]

    before = await sizes()
    for _ in range(1000):
        answer = await client.post(path(row), json={"value": [a_notification(clientState="guess")]})
        assert answer.status_code == 404
    assert await sizes() == before
    assert await wakes(db, row) == 0


async def test_the_handshake_is_answered_only_while_a_create_waits(app: Any, db: Database):
    row = await a_row(db, is_pending=True)
    answer = await app.test_client().post(f"{path(row)}?validationToken=a%20%3Cb%3E%2Bc")
    assert (answer.status_code, await answer.get_data()) == (200, b"a <b>+c")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    long = await app.test_client().post(f"{path(row)}?validationToken={'x' * 4097}")
    assert long.status_code == 404
    async with db.writing() as session:
        (await session.get_one(Subscription, row.id)).pending_until = None
    assert (await app.test_client().post(f"{path(row)}?validationToken=x")).status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"value": 1}', b'{"value": ["x"]}', b"[" * 5000, b"\xff\xfe", b'{"value": []}']
)
async def test_bodies_of_another_shape_are_not_found(app: Any, db: Database, body: bytes):
    row = await a_row(db)
    answer = await app.test_client().post(path(row), data=body)
    assert answer.status_code == 404


async def test_too_many_items_and_too_long_bodies_are_refused(app: Any, db: Database):
    row = await a_row(db)
    many = await app.test_client().post(path(row), json={"value": [{"clientState": STATE}] * 1001})
    assert many.status_code == 404
    long = await app.test_client().post(path(row), data=b" " * (256 * 1024 + 1))
    assert long.status_code == 413


@pytest.mark.parametrize("where", ["/graph/notify/x", f"/graph/notify/{uuid.UUID(int=7).hex}", "/", "/graph/notify/"])
async def test_unknown_places_are_not_found(app: Any, where: str):
    answer = await app.test_client().post(where, json={"value": [a_notification()]})
    assert answer.status_code == 404


@pytest.mark.parametrize("event", ["subscriptionRemoved", "reauthorizationRequired"])
async def test_lifecycle_events_make_the_renewal_due(app: Any, db: Database, event: str):
    row = await a_row(db)
    answer = await app.test_client().post(path(row), json={"value": [a_notification(lifecycleEvent=event)]})
    assert answer.status_code == 202
    async with db.reading() as session:
        kept = await session.get_one(Subscription, row.id)
        assert kept.expires_at is not None
        assert kept.expires_at <= datetime.now(UTC)
        assert kept.wakes == 1


async def test_a_wake_that_cannot_be_written_is_asked_for_again(tmp_path):
    db = Database(f"sqlite+aiosqlite:///{tmp_path / 'no-folder' / 'x.sqlite'}")
    settings = HookSettings(database=str(db.url), public_url="https://secure.example", tenant=TENANT)
    app = create_app(settings, db)
    answer = await app.test_client().post(f"/graph/notify/{uuid.uuid4().hex}", json={"value": [a_notification()]})
    assert answer.status_code == 503
    await db.close()
    await asyncio.sleep(0.2)  # the driver's thread still tells this loop that it could not connect
