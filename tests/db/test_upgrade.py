"""Migrations: they end at the models, can be taken back, and fail as a whole."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select

from service.db import upgrade as upgrades
from service.db.engine import Database
from service.db.tables import Account, Model, Rate


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, Model.metadata))


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_migrations_end_at_the_models(db: Database):
    async with db.reading() as session:
        assert await (await session.connection()).run_sync(differences) == []


async def test_a_table_of_the_models_that_no_migration_makes_is_seen(db: Database):
    async with db.reading() as session:
        connection = await session.connection()
        await connection.run_sync(Rate.__table__.drop)  # type: ignore[attr-defined]
        assert await connection.run_sync(differences) != []


async def test_down_and_up_again_works(database_url: str):
    await upgrades.downgrade(database_url)
    db = Database(database_url)
    async with db.reading() as session:
        assert await (await session.connection()).run_sync(table_names) == {"alembic_version"}
    assert not await upgrades.is_current(db)
    await upgrades.upgrade(database_url)
    async with db.reading() as session:
        assert await (await session.connection()).run_sync(differences) == []
        assert (await session.scalars(select(Account))).all() == []
    assert await upgrades.is_current(db)
    await db.close()


async def test_upgrading_twice_changes_nothing(database_url: str, db: Database):
    await upgrades.upgrade(database_url)
    assert await upgrades.is_current(db)


async def test_upgrades_at_the_same_time_take_turns(database_url: str, db: Database):
    await upgrades.downgrade(database_url)
    await asyncio.gather(*(upgrades.upgrade(database_url) for _ in range(3)))
    assert await upgrades.is_current(db)


async def test_only_its_owner_can_read_a_new_sqlite_file(tmp_path):
    path = tmp_path / "new.sqlite"
    await upgrades.upgrade(f"sqlite+aiosqlite:///{path}")
    assert path.stat().st_mode & 0o077 == 0


async def test_an_empty_database_is_not_current(tmp_path):
    db = Database(f"sqlite+aiosqlite:///{tmp_path / 'empty.sqlite'}")
    assert not await upgrades.is_current(db)
    await db.close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(database_url: str, db: Database):
    await upgrades.downgrade(database_url)
    async with db.writing() as session:
        # the second table that the migration makes stands in its way
        await (await session.connection()).exec_driver_sql("CREATE TABLE audit (seq INTEGER)")
    with pytest.raises(Exception, match="audit"):
        await upgrades.upgrade(database_url)
    async with db.reading() as session:
        assert await (await session.connection()).run_sync(table_names) == {"alembic_version", "audit"}
