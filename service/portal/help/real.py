"""Is this notice real? A reference that we sent a notice with, and the day of it."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.references import LENGTH, read_reference
from service.core.states import MessageKind
from service.db.tables import Delivery, Message

NEVER_DRAWN = "U" * LENGTH
"""Asked for where nothing of the kind was typed, so that this takes as long: U is no letter of references."""


async def date_of_notice(session: AsyncSession, typed: str, now: datetime) -> datetime | None:
    """Say when the first notice with this reference was sent; never was, not yet sent and past its date are alike."""
    sent_at: datetime | None = await session.scalar(
        select(func.min(Delivery.notified_at))
        .join(Message, Message.id == Delivery.message_id)
        .where(
            Message.reference == (read_reference(typed) or NEVER_DRAWN),
            Message.kind == MessageKind.RECEIVED,
            Message.expires_at > now,
        )
    )
    return sent_at
