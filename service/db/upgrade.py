"""Bring a database to the tables of this release, and say whether it is there. `safemail db upgrade` runs it.

All migrations of one call are one transaction: a migration that fails leaves the database as it was.
"""

from contextlib import suppress
from pathlib import Path

from alembic.command import downgrade as alembic_downgrade
from alembic.command import upgrade as alembic_upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.db.engine import Database

LOCK_SECONDS = 5
"""How long a migration waits for a table in use: the roles' own work must not queue behind it."""
STATEMENT_SECONDS = 120
ADVISORY_LOCK = 0x5AFE_0A11
"""One upgrade at a time on PostgreSQL; SQLite has one writer anyway."""


async def upgrade(url: str, revision: str = "head") -> None:
    """Apply what is missing up to a revision. Raises TryAgain where the database does not answer or is in use."""
    database = Database(url)
    if database.is_sqlite and database.url.database not in {None, "", ":memory:"}:
        _touch(str(database.url.database))
    try:
        async with database.writing() as session:
            await _take_turn(session)
            await (await session.connection()).run_sync(_upgrade, revision)
    finally:
        await database.close()


async def downgrade(url: str, revision: str = "base") -> None:
    """Take migrations back, with what stood in their tables: for tests and for a release that went wrong."""
    database = Database(url)
    try:
        async with database.writing() as session:
            await _take_turn(session)
            await (await session.connection()).run_sync(_downgrade, revision)
    finally:
        await database.close()


async def is_current(db: Database) -> bool:
    """Say whether the database has the tables of this release: a role does not start on others."""
    async with db.reading() as session:
        heads = await (await session.connection()).run_sync(_heads)
    return set(heads) == set(ScriptDirectory.from_config(_config()).get_heads())


def _touch(path: str) -> None:
    with suppress(OSError):  # where it cannot be made, connecting says so
        Path(path).touch(mode=0o600)


async def _take_turn(session: AsyncSession) -> None:
    if session.get_bind().dialect.name != "postgresql":
        return
    await session.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"))
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
    await session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection, revision: str) -> None:
    alembic_upgrade(_config(connection), revision)


def _downgrade(connection: Connection, revision: str) -> None:
    alembic_downgrade(_config(connection), revision)


def _heads(connection: Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection).get_current_heads()
