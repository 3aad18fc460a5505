"""Known devices: browsers that signed in before have tries of their own, so that strangers lock out strangers."""

import uuid
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.bound import bind_row, is_row_bound
from service.core.browsers import Browser
from service.core.limits import KNOWN_DEVICE
from service.db.tables import Device
from service.vault.ring import KeyRing
from service.vault.tokens import hash_token, new_token
from service.vault.types import Token


async def add_device(
    session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, browser: Browser, now: datetime
) -> tuple[uuid.UUID, Token]:
    """Remember a browser; return the row's id and what stands in its cookie."""
    await session.execute(delete(Device).where(Device.account_id == account_id, Device.seen_at <= now - KNOWN_DEVICE))
    token, token_hash = new_token()
    device = Device(account_id=account_id, token_hash=token_hash, created_at=now)
    refresh_device(device, browser, now)
    bind_row(ring, device)
    session.add(device)
    await session.flush()
    return device.id, token


async def get_device(
    session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, token: str, now: datetime, *, for_update: bool = False
) -> Device | None:
    """Find the browser's row, if it is one of this account's."""
    query = select(Device).where(
        Device.account_id == account_id, Device.token_hash == hash_token(token), Device.seen_at > now - KNOWN_DEVICE
    )
    if for_update:
        query = query.with_for_update()
    device = (await session.scalars(query)).one_or_none()
    return device if device is not None and is_row_bound(ring, device) else None


def refresh_device(device: Device, browser: Browser, now: datetime) -> None:
    """Note that its owner came in: its tries are given back, and it goes by today's name."""
    device.failures, device.seen_at = 0, now
    device.browser, device.system = browser.name or None, browser.system or None
