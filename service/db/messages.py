"""Messages that still wait for their blind copies, and keys that have done their duty."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.limits import JOIN_WITHIN
from service.core.states import Bcc
from service.db.tables import Message


async def list_waiting_for_bcc(session: AsyncSession, most: int) -> Sequence[Message]:
    rows = await session.scalars(
        select(Message).where(Message.bcc == Bcc.WAITING).order_by(Message.received_at).limit(most)
    )
    return rows.all()


async def list_to_look_at_again(session: AsyncSession, now: datetime, most: int) -> Sequence[Message]:
    """List messages whose blind copies are known, and whose trace is to be read once more."""
    rows = await session.scalars(
        select(Message)
        .where(Message.bcc == Bcc.KNOWN, Message.bcc_deadline <= now, Message.late_key.is_not(None))
        .order_by(Message.bcc_deadline)
        .limit(most)
    )
    return rows.all()


async def shred_late_keys(session: AsyncSession, now: datetime) -> int:
    """Forget the content keys of messages that nobody can join any more; return how many."""
    old = (Message.late_key.is_not(None)) & (Message.received_at <= now - JOIN_WITHIN) & (Message.bcc != Bcc.WAITING)
    count = await session.scalar(select(func.count()).select_from(Message).where(old)) or 0
    if count:
        await session.execute(update(Message).where(old).values(late_key=None, bcc_deadline=None))
    return count
