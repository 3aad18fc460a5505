"""Leases: who does a job that only one may do, until when."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from service.db.tables import Lease


async def take_lease(session: AsyncSession, name: str, owner: str, now: datetime, span: timedelta) -> int | None:
    """Take or extend a lease; return its generation, None while another holds it."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(Lease)
        .values(name=name, owner="", until=now, generation=0)
        .on_conflict_do_nothing(index_elements=["name"])
    )
    taken: int | None = await session.scalar(
        update(Lease)
        .where(Lease.name == name, or_(Lease.owner == owner, Lease.until <= now))
        .values(owner=owner, until=now + span, generation=Lease.generation + 1)
        .returning(Lease.generation)
    )
    return taken


async def is_free(session: AsyncSession, name: str, owner: str, now: datetime) -> bool:
    """Say whether `take_lease` would succeed: asked first, so that idle workers do not write."""
    lease = await session.get(Lease, name)
    return lease is None or lease.owner == owner or lease.until <= now


async def give_lease_back(session: AsyncSession, name: str, owner: str, now: datetime) -> None:
    await session.execute(update(Lease).where(Lease.name == name, Lease.owner == owner).values(owner="", until=now))
