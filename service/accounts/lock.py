"""What the help desk does for who cannot come in: unlock, and turn codes off. Needs the index and mailer keys only."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.factors.authenticator import turn_off
from service.accounts.telling import tell
from service.core.addresses import BadAddress
from service.core.browsers import Browser
from service.core.states import AccountLetter, AccountState
from service.db.tables import Account, AuditEntry, Session
from service.recipients import get_by_address
from service.vault.ring import KeyRing


async def turn_codes_off(session: AsyncSession, ring: KeyRing, address: str, now: datetime) -> bool:
    """Ask an account for codes no more, sign it out everywhere and tell its owner; say False where it has none.

    Passkeys stay, and so does the password: who has neither that nor the mailbox comes no further.
    """
    account = await _find(session, ring, address)
    if account is None or not await turn_off(session, account, now, "command"):
        return False
    await session.execute(delete(Session).where(Session.account_id == account.id))
    kind = AccountLetter.FACTOR_REMOVED
    await tell(session, ring, kind, account.id, Browser(), now, factor="authenticator")
    return True


async def unlock_account(session: AsyncSession, ring: KeyRing, address: str, now: datetime) -> bool:
    """Give an account its tries back; say False where the address has none. Needs the index key only."""
    account = await _find(session, ring, address)
    if account is None:
        return False
    account.failures, account.locked_at = 0, None
    if account.state is AccountState.LOCKED:
        account.state = AccountState.ACTIVE
    session.add(AuditEntry(at=now, actor="command", verb="account.unlock", object_id=account.id.hex))
    return True


async def _find(session: AsyncSession, ring: KeyRing, address: str) -> Account | None:
    """Find who can sign in: a guest has no account."""
    try:
        recipient = await get_by_address(session, ring, address)
    except BadAddress:
        return None
    account = await session.get(Account, recipient.id, with_for_update=True) if recipient else None
    return account if account is not None and account.state is not AccountState.GUEST else None
