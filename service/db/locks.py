"""Named locks for the length of a transaction."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def lock(session: AsyncSession, name: bytes) -> None:
    """Let one transaction with this name run at a time; SQLite's writers stand in a queue anyway.

    Two names may share a lock (64 bits are kept of each): they then wait for each other, nothing more.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = int.from_bytes(name[:8].ljust(8, b"\0"), "big", signed=True)
        await session.execute(select(func.pg_advisory_xact_lock(key)))
