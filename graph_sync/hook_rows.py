"""What the webhook reads and writes: one row of each subscription, never one of each notification."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from service.db.engine import Database
from service.db.subscriptions import raise_wake
from service.db.tables import Subscription

REMOVED, REAUTHORIZE = "subscriptionRemoved", "reauthorizationRequired"


@dataclass(frozen=True, slots=True)
class Notice:
    """A subscription of ours, as far as the webhook needs it."""

    id: uuid.UUID
    graph_id: str
    client_state_hash: bytes
    is_pending: bool


async def find(db: Database, row_id: uuid.UUID) -> Notice | None:
    async with db.reading() as session:
        row = await session.get(Subscription, row_id)
    if row is None:
        return None
    is_pending = row.pending_until is not None and row.pending_until > datetime.now(UTC)
    return Notice(row.id, row.graph_id, row.client_state_hash, is_pending)


async def mark(db: Database, row_id: uuid.UUID, events: Sequence[str]) -> None:
    """Raise the wake; note what a lifecycle event asks of the job that renews."""
    now = datetime.now(UTC)
    async with db.writing() as session:
        await raise_wake(session, row_id, now)
        if REMOVED in events or REAUTHORIZE in events:
            row = await session.get_one(Subscription, row_id)
            row.expires_at = now  # due for renewal, which also reauthorizes; where it is gone, it is made anew
