"""How far a reply is with each addressee: rows that only move on, never back."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import HandedOver, Letter, Outgoing
from service.db.tables import Handover, Outbox

FROM = {
    HandedOver.SENT: (HandedOver.WAITING,),
    HandedOver.DELIVERED: (HandedOver.WAITING, HandedOver.SENT),
    HandedOver.FAILED: (HandedOver.WAITING, HandedOver.SENT),
    HandedOver.RETURNED: (HandedOver.WAITING, HandedOver.SENT, HandedOver.DELIVERED, HandedOver.FAILED),
}
"""A report that it came back counts more than a trace, which a forwarding mailbox may make too hopeful."""
REASON_CHARACTERS = 32


async def move_handovers(
    session: AsyncSession,
    message_id: uuid.UUID,
    to: HandedOver,
    now: datetime,
    *,
    index: bytes | None = None,
    reason: str = "",
) -> Sequence[Handover]:
    """Move a reply's rows, or the one of an address, where they may still go there; return those that moved."""
    which = [Handover.message_id == message_id, Handover.state.in_(FROM[to])]
    if index is not None:
        which.append(Handover.address_index == index)
    moved = await session.scalars(
        update(Handover)
        .where(*which)
        .values(state=to, reason=reason[:REASON_CHARACTERS], changed_at=now)
        .returning(Handover)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return moved.all()


async def list_followed(session: AsyncSession, sent_after: datetime, most: int) -> Sequence[tuple[Handover, Outbox]]:
    """List what Exchange took and of which nobody knows yet whether it arrived, the newest first."""
    rows = await session.execute(
        select(Handover, Outbox)
        .join(Outbox, (Outbox.message_id == Handover.message_id) & (Outbox.letter == Letter.REPLY))
        .where(
            Handover.state == HandedOver.SENT,
            Handover.changed_at > sent_after,
            Outbox.state == Outgoing.SENT,
            Outbox.done_at.is_not(None),
        )
        .order_by(Handover.changed_at.desc())
        .limit(most)
    )
    return [(handover, row) for handover, row in rows.all()]
