"""The way back of an account that was switched off: a notice's link, a code mailed to its address, a new password."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.coming_in import Tokens
from service.accounts.devices import get_device
from service.accounts.factors.second_step import NeedsCode, come_in_or_ask
from service.accounts.registering import Flow
from service.accounts.telling import tell
from service.core.browsers import Browser
from service.core.states import AccountLetter, AccountState
from service.db.tables import Account, AuditEntry, Code, Reset, Session
from service.vault.box import seal_box
from service.vault.ring import KeyRing


@dataclass(frozen=True, slots=True, repr=False)
class NewPassword:
    """What the form says, checked, and who sent it."""

    stored: str
    """Hashed."""
    hint: str
    """Empty keeps the old one."""
    device: str
    browser: Browser


async def get_switched_off(session: AsyncSession, flow: Flow, *, for_update: bool = False) -> Account | None:
    """Find the account that a proven code may switch on again."""
    if flow.code.proven_at is None:
        return None
    account = await session.get(Account, flow.code.recipient_id, with_for_update=for_update or None)
    return account if account is not None and account.state is AccountState.DISABLED else None


async def switch_on(
    session: AsyncSession, ring: KeyRing, flow: Flow, new: NewPassword, now: datetime
) -> Tokens | NeedsCode | None:
    """Make the account active under a new password; None where it is not switched off (any more).

    The mailbox alone is not enough where its owner wants a code of their app asked for: then that is next.
    """
    account = await get_switched_off(session, flow, for_update=True)
    if account is None:
        return None
    account.state, account.disabled_at, account.warned_at = AccountState.ACTIVE, None, None
    account.failures, account.locked_at = 0, None
    account.password, account.password_at, account.last_sign_in_at = new.stored, now, now
    if new.hint:
        account.hint = seal_box(ring, "mailer", f"hint/{account.id.hex}", new.hint.encode())
    session.add(AuditEntry(at=now, actor="portal", verb="account.restore", object_id=account.id.hex))
    await session.execute(delete(Session).where(Session.account_id == account.id))
    await session.execute(delete(Reset).where(Reset.account_id == account.id))
    await session.execute(delete(Code).where(Code.recipient_id == account.id))
    await tell(session, ring, AccountLetter.PASSWORD_CHANGED, account.id, new.browser, now)
    device = await get_device(session, ring, account.id, new.device, now, for_update=True)
    return await come_in_or_ask(session, ring, account, device, new.browser, now, is_told=True)
