"""Connections: SQLite for one machine, PostgreSQL where that is outgrown.

Two kinds of transaction: `reading()` and `writing()`. Nothing is awaited inside `writing()` but the database.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from service.errors import TryAgain

BUSY_MILLISECONDS = 10_000
"""How long SQLite waits for another process's write to end."""
SQLITE_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
"""Faults of the moment, not ours: https://www.sqlite.org/rescode.html"""
POSTGRES_PASSING = ("08", "40", "53", "55P03", "57")
"""Connection lost, rolled back (deadlock), resources, lock not available, operator: postgresql.org errcodes-appendix"""


class Database:
    """One engine per process. `url` is `sqlite+aiosqlite:///path` or `postgresql+asyncpg://…`."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine: AsyncEngine = create_async_engine(self.url, pool_pre_ping=not self.is_sqlite, hide_parameters=True)
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _set_up_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        else:
            event.listen(self.engine.sync_engine, "do_connect", _connect_postgres)
        self._read = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        self._write = async_sessionmaker(
            self.engine.execution_options(safemail_writes=True), expire_on_commit=False, autoflush=False
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a session that is rolled back at the end. Raises TryAgain where the database cannot be reached."""
        with _translated():
            async with self._read() as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Open a session that commits at the end, unless an exception passes. Raises TryAgain."""
        with _translated():
            async with self._write() as session, session.begin():
                yield session

    async def watch(self, every: float) -> AsyncIterator[None]:
        """Yield whenever another process may have changed the database, at least on the first look.

        SQLite: `PRAGMA data_version`, read each `every` seconds; PostgreSQL: simply each `every` seconds.
        The caller's sweep stays the truth; this only makes it prompt.
        """
        seen: Any = object()
        async with self.engine.connect() as connection:
            while True:
                if self.is_sqlite:
                    now = (await connection.execute(text("PRAGMA data_version"))).scalar()
                    await connection.rollback()
                    if now != seen:
                        seen = now
                        yield
                else:
                    yield
                await asyncio.sleep(every)

    async def close(self) -> None:
        await self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as exc:
        if exc.connection_invalidated or _passes_by_itself(exc.orig):
            raise TryAgain("the database did not answer") from exc
        raise


def _connect_postgres(dialect: Any, record: Any, arguments: Any, parameters: Any) -> Any:
    # asyncpg's errors on the way in are not the driver's own kind, so that SQLAlchemy does not translate them
    del record
    try:
        return dialect.connect(*arguments, **parameters)
    except Exception as exc:
        if isinstance(exc, OSError | TimeoutError) or _passes_by_itself(exc):
            raise TryAgain("the database cannot be reached") from exc
        raise


def _passes_by_itself(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return error.sqlite_errorcode & 0xFF in SQLITE_PASSING
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith(POSTGRES_PASSING)


def _set_up_sqlite(connection: Any, record: Any) -> None:
    del record
    connection.isolation_level = None  # we begin transactions ourselves: see _begin_sqlite
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a commit must outlive a power cut: the mail is then let go at Exchange
        "secure_delete=ON",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MILLISECONDS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # by the driver's default a SELECT runs outside the transaction, and two claimers could pick the same rows
    writes = connection.get_execution_options().get("safemail_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
