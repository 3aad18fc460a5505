"""Changing a password: every other session ends, this one gets a new name, and a mailed link opens nothing more."""

import uuid
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.hashing import HashGate
from service.accounts.rates import CURRENT, TooMany, allow, seconds_left
from service.accounts.sessions import add_session
from service.accounts.telling import tell
from service.core.browsers import Browser
from service.core.limits import PASSWORD_LONGEST
from service.core.states import AccountLetter
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Reset, Session
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


async def is_current(
    db: Database, ring: KeyRing, gate: HashGate, account_id: uuid.UUID, typed: str, now: datetime
) -> bool:
    """Check the password of somebody signed in; who holds their session may not guess on for ever.

    Raises:
        TooMany, TryAgain: wait.
    """
    async with db.reading() as session:
        wait = await seconds_left(session, ring, CURRENT, account_id.hex, now)
        account = await get_account(session, account_id)
    if wait > 0:
        raise TooMany(wait)
    is_right = len(typed) <= PASSWORD_LONGEST and await gate.is_password(typed, account_id, account.password)
    if not is_right:
        async with db.writing() as session:
            await allow(session, ring, CURRENT, account_id.hex, now)
    return is_right


async def change_password(
    session: AsyncSession,
    ring: KeyRing,
    account_id: uuid.UUID,
    session_id: uuid.UUID,
    stored: str,
    hint: str,
    browser: Browser,
    now: datetime,
) -> Token:
    """Set a checked and hashed password; an empty hint keeps the old one. Return the new session's token.

    Raises Refused where the session ended since the old one was checked: whoever ended it has set another.
    """
    account = await session.get(Account, account_id, with_for_update=True)
    old = await session.get(Session, session_id, with_for_update=True)
    if account is None or old is None:
        raise Refused
    account.password, account.password_at = stored, now
    if hint:
        account.hint = seal_box(ring, "mailer", f"hint/{account_id.hex}", hint.encode())
    session.add(AuditEntry(at=now, actor="portal", verb="account.password", object_id=account_id.hex))
    await tell(session, ring, AccountLetter.PASSWORD_CHANGED, account_id, browser, now)
    await session.execute(delete(Session).where(Session.account_id == account_id))
    await session.execute(delete(Reset).where(Reset.account_id == account_id))
    return await add_session(session, ring, account_id, old.device_id, now)
