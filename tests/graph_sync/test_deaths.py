"""A pull that dies at any step: nothing lost, nothing kept twice, no sealed bytes left behind."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from emulator.tenant import Tenant
from graph_sync import steps
from graph_sync.worker import Worker
from service.core.states import Arrival as State
from service.db.arrivals import settle_arrival
from service.db.tables import Arrival, Blob, Delivery, Lease, Message
from tests.graph_sync.conftest import ALICE, BOB, CAROL, INTAKE, a_mail, send_all, take_in


class Killed(BaseException):
    """The process dies here."""


async def let_leases_lapse(worker: Worker) -> None:
    past = worker.now() - timedelta(minutes=1)
    async with worker.db.writing() as session:
        await session.execute(update(Arrival).values(lease_until=past, due_at=past))
        await session.execute(update(Lease).values(until=past))


@pytest.mark.parametrize("at", ["listed", "claimed", "blob-written", "committed", "moved"])
@pytest.mark.parametrize("again", [1, 2])
async def test_a_death_loses_nothing(
    worker: Worker, tenant: Tenant, tmp_path, monkeypatch: pytest.MonkeyPatch, at: str, again: int
):
    await tenant.exchange.submit(ALICE, a_mail(to=f"{BOB}, {CAROL}"))

    def die(name: str) -> None:
        if name == at:
            raise Killed

    for attempt in range(again):
        monkeypatch.setattr(steps, "reached", die)
        if attempt == 0 or at != "listed":
            with pytest.raises(Killed):
                await take_in(worker)
            await asyncio.sleep(0.2)  # its other hands find nothing and rest
        monkeypatch.undo()
        await let_leases_lapse(worker)
        if at == "committed":
            break
    await take_in(worker)
    async with worker.db.reading() as session:
        (arrival,) = (await session.scalars(select(Arrival))).all()
        counts = [await session.scalar(select(func.count()).select_from(table)) for table in (Message, Delivery, Blob)]
        keys = {row.key for row in (await session.scalars(select(Blob))).all()}
    assert arrival.state is State.SEALED
    assert arrival.moved_at is not None
    assert counts == [1, 2, 1]
    store = tmp_path / "blobs"
    assert {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()} == keys
    intake = tenant.exchange.mailboxes[INTAKE]
    assert intake.folder("inbox").items == []
    await send_all(worker)
    assert [len(tenant.exchange.outside[one].mails) for one in (BOB, CAROL)] == [1, 1]


async def test_whoever_lost_the_claim_commits_nothing(worker: Worker, tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    await tenant.exchange.submit(ALICE, a_mail())
    taken: list[str] = []

    def be_slow(name: str) -> None:
        if name == "blob-written" and not taken:
            taken.append(name)
            raise Killed

    monkeypatch.setattr(steps, "reached", be_slow)
    with pytest.raises(Killed):
        await take_in(worker)
    await asyncio.sleep(0.2)
    async with worker.db.reading() as session:
        stale = (await session.scalars(select(Arrival))).one()
    await let_leases_lapse(worker)
    await take_in(worker)  # another attempt has it now
    async with worker.db.writing() as session:
        assert not await settle_arrival(session, stale, State.REFUSED, worker.now())
    async with worker.db.reading() as session:
        assert (await session.scalars(select(Arrival))).one().state is State.SEALED
