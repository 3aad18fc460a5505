"""Arrivals: items seen in an intake mailbox, who works on each, and what became of it."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from service.core.states import Arrival as State
from service.db.tables import Arrival


async def add_arrivals(session: AsyncSession, mailbox: str, graph_ids: Iterable[str], now: datetime) -> int:
    """Add what a page listed; what is known already stays as it is. Return how many were new."""
    rows = [
        {
            "id": uuid.uuid4(),
            "mailbox": mailbox,
            "graph_id": graph_id,
            "state": State.SEEN,
            "seen_at": now,
            "due_at": now,
            "tries": 0,
        }
        for graph_id in dict.fromkeys(graph_ids)
    ]
    if not rows:
        return 0
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(Arrival).values(rows).on_conflict_do_nothing(index_elements=["mailbox", "graph_id"])
    return len((await session.scalars(statement.returning(Arrival.id))).all())


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Not looked at yet, or settled and still lying in the folder where it arrived."""
    return (
        (Arrival.moved_at.is_(None))
        & (Arrival.due_at <= now)
        & or_(Arrival.lease_until.is_(None), Arrival.lease_until <= now)
    )


async def is_any_due(session: AsyncSession, now: datetime) -> bool:
    return bool(await session.scalar(select(exists().where(_is_due(now)))))


async def claim_arrivals(
    session: AsyncSession, owner: str, now: datetime, span: timedelta, most: int
) -> Sequence[Arrival]:
    """Take up to `most` due arrivals, oldest first. Each claim raises `tries`, which names the attempt."""
    # two statements: PostgreSQL may run a subquery with LIMIT again for each row, and so take more than asked for
    ids = await session.scalars(
        select(Arrival.id)
        .where(_is_due(now))
        .order_by(Arrival.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)  # ignored by SQLite, whose writers stand in a queue
    )
    taken = await session.scalars(
        update(Arrival)
        .where(Arrival.id.in_(ids.all()))
        .values(lease_owner=owner, lease_until=now + span, tries=Arrival.tries + 1)
        .returning(Arrival)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return taken.all()


def _is_mine(arrival: Arrival) -> ColumnElement[bool]:
    """Still this very claim: a lease that lapsed and was taken over has another `tries`."""
    return (Arrival.id == arrival.id) & (Arrival.lease_owner == arrival.lease_owner) & (Arrival.tries == arrival.tries)


async def extend_arrival(session: AsyncSession, arrival: Arrival, until: datetime) -> bool:
    return await _changed(session, arrival, lease_until=until)


async def settle_arrival(
    session: AsyncSession,
    arrival: Arrival,
    state: State,
    now: datetime,
    *,
    reason: str = "",
    message_id: uuid.UUID | None = None,
) -> bool:
    """Say what became of it; False where the claim was lost: then nothing of this attempt may be committed."""
    moved_at = now if state is State.GONE else None
    return await _changed(
        session, arrival, state=state, reason=reason, message_id=message_id, settled_at=now, moved_at=moved_at
    )


async def mark_moved(session: AsyncSession, arrival: Arrival, now: datetime) -> bool:
    return await _changed(session, arrival, moved_at=now, lease_owner=None, lease_until=None)


async def put_off(session: AsyncSession, arrival: Arrival, due_at: datetime, reason: str) -> bool:
    """Leave it for later; `reason` is an error code. What is settled keeps its reason."""
    values: dict[str, object] = {"due_at": due_at, "lease_owner": None, "lease_until": None}
    if arrival.state is State.SEEN:
        values["reason"] = reason[:64]
    return await _changed(session, arrival, **values)


async def _changed(session: AsyncSession, arrival: Arrival, **values: object) -> bool:
    found = await session.scalar(
        update(Arrival)
        .where(_is_mine(arrival))
        .values(**values)
        .returning(Arrival.id)
        .execution_options(synchronize_session=False)
    )
    return found is not None
