"""The outbox: rows of mails to be sent, claimed by lane, moved on one state at a time."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from service.core.states import Lane, Letter, Outgoing
from service.db.tables import Outbox

OPEN = (Outgoing.PENDING, Outgoing.DRAFTING, Outgoing.DRAFTED, Outgoing.COMPLETE, Outgoing.SENDING)
"""States in which a row still waits for a worker."""


def _is_due(lane: Lane, now: datetime) -> ColumnElement[bool]:
    return (
        (Outbox.lane == lane)
        & (Outbox.state.in_(OPEN))
        & (Outbox.due_at <= now)
        & or_(Outbox.lease_until.is_(None), Outbox.lease_until <= now)
    )


async def is_any_due(session: AsyncSession, lane: Lane, now: datetime) -> bool:
    return bool(await session.scalar(select(exists().where(_is_due(lane, now)))))


async def claim_outbox(
    session: AsyncSession, lane: Lane, owner: str, now: datetime, span: timedelta, most: int
) -> Sequence[Outbox]:
    """Take up to `most` due rows of a lane, oldest first; each claim raises `tries`, which names the attempt."""
    # two statements: PostgreSQL may run a subquery with LIMIT again for each row, and so take more than asked for
    ids = await session.scalars(
        select(Outbox.id)
        .where(_is_due(lane, now))
        .order_by(Outbox.due_at, Outbox.created_at)
        .limit(most)
        .with_for_update(skip_locked=True)  # ignored by SQLite, whose writers stand in a queue
    )
    taken = await session.scalars(
        update(Outbox)
        .where(Outbox.id.in_(ids.all()))
        .values(lease_owner=owner, lease_until=now + span, tries=Outbox.tries + 1)
        .returning(Outbox)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(taken.all(), key=lambda row: row.created_at)


async def change_outbox(session: AsyncSession, row: Outbox, **values: object) -> bool:
    """Move a claimed row on; False where the claim was lost: then stop."""
    found = await session.scalar(
        update(Outbox)
        .where(Outbox.id == row.id, Outbox.lease_owner == row.lease_owner, Outbox.tries == row.tries)
        .values(**values)
        .returning(Outbox.id)
        .execution_options(synchronize_session=False)
    )
    return found is not None


async def list_uncleaned(
    session: AsyncSession, lanes: Sequence[Lane], sent_before: datetime, most: int
) -> Sequence[Outbox]:
    """List sent rows whose copy in Sent Items is still to be deleted."""
    rows = await session.scalars(
        select(Outbox)
        .where(
            Outbox.state == Outgoing.SENT,
            Outbox.lane.in_(lanes),
            Outbox.cleaned_at.is_(None),
            Outbox.done_at <= sent_before,
        )
        .order_by(Outbox.done_at)
        .limit(most)
    )
    return rows.all()


async def take_back_reminders(session: AsyncSession, delivery_id: uuid.UUID, now: datetime) -> None:
    """End reminders that nobody has begun to send."""
    waiting = (Outbox.delivery_id == delivery_id, Outbox.letter == Letter.REMINDER, Outbox.state == Outgoing.PENDING)
    await session.execute(
        update(Outbox)
        .where(*waiting)
        .values(state=Outgoing.NOT_NEEDED, payload=None, done_at=now, lease_owner=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
