"""Failures count against the browser that knows the account, or against all strangers together; one too many locks.

A wrong code of the second step counts like a wrong password: whoever gets that far knows the password, and guesses on.
"""

import uuid
from datetime import datetime

from sqlalchemy import case, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.telling import tell
from service.core.browsers import Browser
from service.core.rules import Rules
from service.core.states import AccountLetter, AccountState
from service.db.tables import Account, AuditEntry, Device
from service.vault.ring import KeyRing


async def count_failure(
    session: AsyncSession,
    ring: KeyRing,
    account_id: uuid.UUID,
    account: Account | None,
    device: Device | None,
    browser: Browser,
    rules: Rules,
    now: datetime,
) -> None:
    """Count one, and tell the owner if it locks the account; the same work where there is no account."""
    is_locked = await _count(session, account_id, device, rules, now)
    if is_locked and account is not None and account.state is AccountState.ACTIVE:  # as it was before this try
        session.add(AuditEntry(at=now, actor="portal", verb="account.lock", object_id=account_id.hex))
        await tell(session, ring, AccountLetter.LOCKED, account_id, browser, now, rules=rules)


async def _count(
    session: AsyncSession, account_id: uuid.UUID, device: Device | None, rules: Rules, now: datetime
) -> bool:
    """Say whether the account is locked now."""
    if device is not None:
        device.failures += 1
        if device.failures >= rules.failed_sign_ins:
            await session.delete(device)  # a stranger like all others from now on
        return False
    locks = (Account.failures + 1 >= rules.failed_sign_ins) & (Account.state == AccountState.ACTIVE)
    state = await session.scalar(
        update(Account)
        .where(Account.id == account_id)
        .values(
            failures=Account.failures + 1,
            locked_at=case((locks, now), else_=Account.locked_at),
            state=case((locks, AccountState.LOCKED), else_=Account.state),
        )
        .returning(Account.state)
        .execution_options(synchronize_session=False)
    )
    return state is AccountState.LOCKED
