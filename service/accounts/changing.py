"""Changing a password: every other session ends, and this one gets a new name."""

import uuid
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.sessions import add_session
from service.db.tables import Account, Session
from service.errors import Refused
from service.vault.box import seal_box
from service.vault.ring import KeyRing
from service.vault.types import Token


async def get_account(session: AsyncSession, account_id: uuid.UUID) -> Account:
    """Raises Refused where it went meanwhile."""
    account = await session.get(Account, account_id)
    if account is None:
        raise Refused
    return account


async def change_password(
    session: AsyncSession,
    ring: KeyRing,
    account_id: uuid.UUID,
    session_id: uuid.UUID,
    stored: str,
    hint: str,
    now: datetime,
) -> Token:
    """Set a checked and hashed password; an empty hint keeps the old one. Return the new session's token."""
    account = await get_account(session, account_id)
    account.password, account.password_at = stored, now
    if hint:
        account.hint = seal_box(ring, "mailer", f"hint/{account_id.hex}", hint.encode())
    old = await session.get(Session, session_id)
    device_id = old.device_id if old is not None else None
    await session.execute(delete(Session).where(Session.account_id == account_id))
    return await add_session(session, account_id, device_id, now)
