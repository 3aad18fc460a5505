"""Known devices: browsers that signed in before have tries of their own, so that strangers lock out strangers."""

import uuid
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.limits import KNOWN_DEVICE
from service.db.tables import Device
from service.vault.tokens import hash_token, new_token
from service.vault.types import Token


async def add_device(session: AsyncSession, account_id: uuid.UUID, now: datetime) -> tuple[uuid.UUID, Token]:
    """Remember a browser; return the row's id and what stands in its cookie."""
    await session.execute(delete(Device).where(Device.account_id == account_id, Device.seen_at <= now - KNOWN_DEVICE))
    token, token_hash = new_token()
    device = Device(account_id=account_id, token_hash=token_hash, failures=0, created_at=now, seen_at=now)
    session.add(device)
    await session.flush()
    return device.id, token


async def get_device(
    session: AsyncSession, account_id: uuid.UUID, token: str, now: datetime, *, for_update: bool = False
) -> Device | None:
    """Find the browser's row, if it is one of this account's."""
    query = select(Device).where(
        Device.account_id == account_id, Device.token_hash == hash_token(token), Device.seen_at > now - KNOWN_DEVICE
    )
    if for_update:
        query = query.with_for_update()
    return (await session.scalars(query)).one_or_none()
