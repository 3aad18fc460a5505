"""Tell a sender that a message was read: at once, or gathered by the hour where it went to many."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import Envelope, Letter
from service.db.tables import Delivery, Recipient
from service.letters.queue import queue_letter
from service.vault.ring import KeyRing

GATHERED_ABOVE = 20
HOUR = timedelta(hours=1)
SETTLED_AFTER = timedelta(minutes=1)
"""After an hour's end: a reading that began in it is committed by then."""


async def tell_read(session: AsyncSession, ring: KeyRing, delivery: Delivery, now: datetime) -> None:
    """Queue the receipt of a first showing; above 20 recipients the first reader of an hour speaks for all of it."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    due_at = hour + HOUR + SETTLED_AFTER
    if due_at < delivery.expires_at and await is_to_many(session, delivery.message_id):
        await queue_letter(
            session,
            ring,
            Letter.RECEIPT_READ,
            f"read/{delivery.message_id.hex}/{hour.timestamp():.0f}",
            now,
            payload={"hour": hour.isoformat()},
            message_id=delivery.message_id,
            due_at=due_at,
        )
        return
    await queue_letter(
        session,
        ring,
        Letter.RECEIPT_READ,
        f"read/{delivery.id.hex}",
        now,
        payload={"read_at": now.isoformat()},
        message_id=delivery.message_id,
        delivery_id=delivery.id,
        recipient_id=delivery.recipient_id,
    )


async def read_within(
    session: AsyncSession, message_id: uuid.UUID, hour: datetime
) -> Sequence[tuple[Recipient, datetime]]:
    """List who read a message for the first time in an hour, in that order."""
    rows = await session.execute(
        select(Recipient, Delivery.read_at)
        .join(Delivery, Delivery.recipient_id == Recipient.id)
        .where(
            Delivery.message_id == message_id,
            Delivery.envelope != Envelope.OWN,
            Delivery.read_at >= hour,
            Delivery.read_at < hour + HOUR,
            Recipient.ended_at.is_(None),
        )
        .order_by(Delivery.read_at, Delivery.id)
    )
    return [(recipient, read_at) for recipient, read_at in rows.all() if read_at is not None]


async def is_to_many(session: AsyncSession, message_id: uuid.UUID) -> bool:
    """Say whether its readings are gathered."""
    count = select(func.count()).where(Delivery.message_id == message_id, Delivery.envelope != Envelope.OWN)
    return (await session.scalar(count) or 0) > GATHERED_ABOVE
