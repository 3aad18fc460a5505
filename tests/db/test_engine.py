"""Transactions: writers take turns, nothing half is kept, and the database's own faults come as TryAgain."""

import asyncio
import threading
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from service.core.states import Lane, Letter, Outgoing
from service.db.engine import Database
from service.db.tables import AuditEntry, Lease, Outbox
from service.errors import TryAgain
from tests.conftest import NOW, Clock


def an_entry(verb: str = "tried", at: datetime = NOW) -> AuditEntry:
    return AuditEntry(at=at, actor="test", verb=verb, object_id="x")


def a_row(once: str) -> Outbox:
    return Outbox(id=uuid.uuid4(), lane=Lane.CODES, letter=Letter.CODE, once=once, due_at=NOW, created_at=NOW)


async def verbs(db: Database) -> list[str]:
    async with db.reading() as session:
        return list(await session.scalars(select(AuditEntry.verb).order_by(AuditEntry.seq)))


async def test_writing_commits_at_its_end(db: Database):
    async with db.writing() as session:
        session.add(an_entry("done"))
    assert await verbs(db) == ["done"]


async def test_writing_keeps_nothing_of_what_an_exception_left(db: Database):
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block is the transaction
        async with db.writing() as session:
            session.add(an_entry("half"))
            await session.flush()
            raise ZeroDivisionError
    assert await verbs(db) == []


async def test_reading_keeps_nothing(db: Database):
    async with db.reading() as session:
        session.add(an_entry("never"))
        await session.flush()
    assert await verbs(db) == []


async def test_a_second_writer_waits_on_sqlite(sqlite_url: str):
    db = Database(sqlite_url)
    order: list[str] = []
    inside = asyncio.Event()

    async def first() -> None:
        async with db.writing() as session:
            assert (await session.scalars(select(AuditEntry))).all() == []
            inside.set()
            await asyncio.sleep(0.2)
            session.add(an_entry("first"))
            order.append("first ends")

    async def second() -> None:
        await inside.wait()
        async with db.writing() as session:
            assert len((await session.scalars(select(AuditEntry))).all()) == 1
            order.append("second begins")
            session.add(an_entry("second"))

    await asyncio.gather(first(), second())
    assert order == ["first ends", "second begins"]
    assert await verbs(db) == ["first", "second"]
    await db.close()


async def test_a_reader_sees_one_moment_while_another_writes_on_sqlite(sqlite_url: str):
    db = Database(sqlite_url)
    async with db.reading() as session:
        assert (await session.scalars(select(AuditEntry))).all() == []
        async with db.writing() as other:
            other.add(an_entry("meanwhile"))
        assert (await session.scalars(select(AuditEntry))).all() == []
    assert await verbs(db) == ["meanwhile"]
    await db.close()


async def test_two_claimers_never_take_one_row(db: Database):
    async with db.writing() as session:
        session.add_all([a_row(f"row/{number}") for number in range(20)])

    async def claim(owner: str) -> list[uuid.UUID]:
        taken: list[uuid.UUID] = []
        while True:
            async with db.writing() as session:
                free = select(Outbox).where(Outbox.state == Outgoing.PENDING).order_by(Outbox.once).limit(3)
                rows = (await session.scalars(free.with_for_update(skip_locked=True))).all()
                for row in rows:
                    row.state, row.lease_owner = Outgoing.DRAFTING, owner
                    taken.append(row.id)
            if not rows:
                return taken

    one, two, three = await asyncio.gather(claim("one"), claim("two"), claim("three"))
    assert len(one) + len(two) + len(three) == 20
    assert len({*one, *two, *three}) == 20


async def test_a_lease_is_taken_over_only_after_its_end(db: Database, clock: Clock):
    async with db.writing() as session:
        session.add(Lease(name="sweep", owner="one", until=clock.now + timedelta(seconds=60)))

    async def take(owner: str) -> int:
        async with db.writing() as session:
            result = await session.execute(
                update(Lease)
                .where(Lease.name == "sweep", Lease.until <= clock.now)
                .values(owner=owner, generation=Lease.generation + 1)
                .returning(Lease.generation)
            )
            return int(result.scalar() or 0)

    assert await take("two") == 0
    clock.advance(timedelta(seconds=60))
    assert await take("two") == 1


async def test_a_time_without_its_zone_is_refused(db: Database):
    with pytest.raises(StatementError, match="a time without its zone"):
        async with db.writing() as session:
            session.add(an_entry(at=datetime(2026, 11, 24)))  # noqa: DTZ001 - that is the point


async def test_a_time_comes_back_as_utc_to_the_microsecond(db: Database):
    eastern = datetime(2026, 9, 22, 8, 22, 37, 123456, tzinfo=timezone(-timedelta(hours=4)))
    async with db.writing() as session:
        session.add(an_entry(at=eastern))
    async with db.reading() as session:
        at = (await session.scalars(select(AuditEntry.at))).one()
    assert (at, at.tzinfo) == (eastern, UTC)


async def test_an_enum_is_kept_by_its_value(db: Database):
    async with db.writing() as session:
        session.add(a_row("one"))
    async with db.reading() as session:
        assert (await session.execute(text("SELECT lane, state FROM outbox"))).one() == ("codes", "pending")
        assert (await session.scalars(select(Outbox.state))).one() is Outgoing.PENDING


async def test_a_value_that_the_enum_does_not_know_is_refused(db: Database):
    with pytest.raises(StatementError, match="lost"):
        async with db.writing() as session:
            await session.execute(update(Outbox).values(state="lost"))


async def test_a_double_is_our_own_fault_not_the_moments(db: Database):
    async with db.writing() as session:
        session.add(a_row("one"))
    with pytest.raises(IntegrityError):
        async with db.writing() as session:
            session.add(a_row("one"))


async def test_what_was_written_stands_in_no_error_text(db: Database):
    with pytest.raises(IntegrityError) as caught:
        async with db.writing() as session:
            session.add_all([a_row("same"), a_row("same")])
    if db.is_sqlite:  # PostgreSQL's server names the value of a unique key; our unique keys hold ids and digests only
        assert "same" not in str(caught.value)
    assert "hidden" in str(caught.value)


async def test_a_database_that_is_not_there_is_worth_another_try(tmp_path):
    before = set(threading.enumerate())
    for url in (
        f"sqlite+aiosqlite:///{tmp_path}/nowhere/database.sqlite",
        "postgresql+asyncpg://postgres@127.0.0.1:1/safemail",
        f"postgresql+asyncpg://postgres@/safemail?host={tmp_path}",
    ):
        db = Database(url)
        with pytest.raises(TryAgain):
            async with db.reading() as session:
                await session.execute(text("SELECT 1"))
        await db.close()
    for thread in {one for one in threading.enumerate() if "_connection_worker" in one.name} - before:
        await asyncio.to_thread(thread.join)  # aiosqlite's still answers this loop after it could not connect


async def test_a_locked_sqlite_is_worth_another_try(sqlite_url: str):
    holder, waiter = Database(sqlite_url), Database(sqlite_url)
    async with waiter.engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA busy_timeout=50")
        await connection.rollback()
    async with holder.writing() as session:
        await session.execute(text("SELECT 1"))  # a transaction begins with its first statement
        with pytest.raises(TryAgain):
            async with waiter.writing() as late:
                late.add(an_entry())
    await holder.close()
    await waiter.close()


async def test_a_query_that_postgresql_cancels_is_worth_another_try(postgresql_url: str):
    db = Database(postgresql_url)
    with pytest.raises(TryAgain):  # noqa: PT012 - the block is the transaction
        async with db.reading() as session:
            await session.execute(text("SET LOCAL statement_timeout = '20ms'"))
            await session.execute(text("SELECT pg_sleep(5)"))
    await db.close()


async def test_a_server_that_hangs_up_is_worth_another_try(postgresql_url: str):
    db, other = Database(postgresql_url), Database(postgresql_url)
    with pytest.raises(TryAgain):  # noqa: PT012 - the block is the transaction
        async with db.writing() as session:
            own = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with other.reading() as killer:
                await killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
            await session.execute(text("SELECT 1"))
    async with db.reading() as session:  # the next one gets a connection that lives
        await session.execute(text("SELECT 1"))
    await db.close()
    await other.close()


async def test_watch_tells_of_another_processes_write(sqlite_url: str):
    db, other = Database(sqlite_url), Database(sqlite_url)
    changes = db.watch(0.01)
    await anext(changes)
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    async with other.writing() as session:
        session.add(an_entry())
    await asyncio.wait_for(waiting, 5)
    await changes.aclose()  # type: ignore[attr-defined]
    await db.close()
    await other.close()


async def test_sqlite_is_set_up_to_outlive_a_power_cut(sqlite_url: str):
    db = Database(sqlite_url)
    async with db.reading() as session:
        values = [
            (await session.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        ]
    assert values == ["wal", 2, 1, 1]
    await db.close()
