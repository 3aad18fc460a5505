"""Unlocking, by the help desk."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.core.addresses import BadAddress
from service.core.states import AccountState
from service.db.tables import Account, AuditEntry
from service.recipients import get_by_address
from service.vault.ring import KeyRing


async def unlock_account(session: AsyncSession, ring: KeyRing, address: str, now: datetime) -> bool:
    """Give an account its tries back; say False where the address has none. Needs the index key only."""
    try:
        recipient = await get_by_address(session, ring, address)
    except BadAddress:
        return False
    account = await session.get(Account, recipient.id, with_for_update=True) if recipient else None
    if account is None or account.state is AccountState.GUEST:
        return False
    account.failures, account.locked_at = 0, None
    if account.state is AccountState.LOCKED:
        account.state = AccountState.ACTIVE
    session.add(AuditEntry(at=now, actor="command", verb="account.unlock", object_id=account.id.hex))
    return True
