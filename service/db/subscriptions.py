"""Subscriptions and cursors: how we are woken, and where the delta query of each folder stands."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from service.db.tables import Cursor, Subscription

NO_STATE = b"\0" * 32
"""Hash of no client state: nothing matches it."""


async def ensure_watched(session: AsyncSession, places: Iterable[tuple[str, str]]) -> None:
    """Make the rows of each (mailbox, folder) where they are missing."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for mailbox, folder in places:
        await session.execute(
            insert(Subscription)
            .values(id=uuid.uuid4(), mailbox=mailbox, folder=folder, graph_id="", client_state_hash=NO_STATE, wakes=0)
            .on_conflict_do_nothing(index_elements=["mailbox", "folder"])
        )
        await session.execute(
            insert(Cursor)
            .values(mailbox=mailbox, folder=folder, link="", wakes=0)
            .on_conflict_do_nothing(index_elements=["mailbox", "folder"])
        )


async def list_subscriptions(session: AsyncSession) -> Sequence[Subscription]:
    return (await session.scalars(select(Subscription).order_by(Subscription.mailbox, Subscription.folder))).all()


async def raise_wake(session: AsyncSession, subscription_id: uuid.UUID, now: datetime) -> None:
    """One row, however many notifications come."""
    await session.execute(
        update(Subscription)
        .where(Subscription.id == subscription_id)
        .values(wakes=Subscription.wakes + 1, woken_at=now)
        .execution_options(synchronize_session=False)
    )


async def list_places_to_look(session: AsyncSession, done_before: datetime) -> list[tuple[str, str]]:
    """List (mailbox, folder) that were woken since their last round, stand in the middle of one, or are old."""
    rows = await session.execute(
        select(Cursor.mailbox, Cursor.folder)
        .join(Subscription, (Subscription.mailbox == Cursor.mailbox) & (Subscription.folder == Cursor.folder))
        .where(or_(Subscription.wakes > Cursor.wakes, Cursor.done_at.is_(None), Cursor.done_at <= done_before))
    )
    return [(mailbox, folder) for mailbox, folder in rows]
