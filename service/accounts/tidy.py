"""Throwing away what has served its time: dead sessions, ended registrations, forgotten devices, idle limits.

Nothing depends on it: every look-up says itself what is too old. Called by the retention job.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.devices import DEVICE_LIFE
from service.accounts.registering import PROVEN_LIFE
from service.core.limits import SESSION_IDLE, SESSION_LONGEST
from service.db.tables import Code, Device, Rate, Session

RATES_KEPT = timedelta(days=1)


async def tidy(session: AsyncSession, now: datetime) -> None:
    """Delete dead rows, inside the caller's writing transaction."""
    await session.execute(
        delete(Session).where((Session.seen_at <= now - SESSION_IDLE) | (Session.created_at <= now - SESSION_LONGEST))
    )
    await session.execute(delete(Code).where(Code.created_at <= now - PROVEN_LIFE))
    await session.execute(delete(Device).where(Device.seen_at <= now - DEVICE_LIFE))
    await session.execute(delete(Rate).where(Rate.tat <= (now - RATES_KEPT).timestamp()))
