"""Reading with a mailed code, where the agency allows it: a session for who holds the mailbox, and no password.

A guest counts as nobody with an account everywhere else: no sign-in, no hint, no link to a new password.
"""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.registering import Flow, sealed_name
from service.accounts.sessions import add_session
from service.core.states import AccountState
from service.db.tables import Account, AuditEntry, Code, Recipient
from service.vault.ring import KeyRing
from service.vault.types import Token


async def read_as_guest(session: AsyncSession, ring: KeyRing, flow: Flow, language: str, now: datetime) -> Token | None:
    """Open a session for a proven code and end its flow; None where the address has an account with a password."""
    assert flow.code.proven_at is not None
    recipient = await session.get_one(Recipient, flow.code.recipient_id, with_for_update={"key_share": True})
    account = await session.get(Account, recipient.id)
    if account is None:
        account = _new_guest(recipient, language, now)
        session.add(account)
        session.add(AuditEntry(at=now, actor="portal", verb="account.guest", object_id=recipient.id.hex))
    elif account.state is not AccountState.GUEST:
        return None
    account.last_sign_in_at = now
    await session.flush()
    await session.execute(delete(Code).where(Code.recipient_id == recipient.id))
    return await add_session(session, ring, recipient.id, None, now)


def _new_guest(recipient: Recipient, language: str, now: datetime) -> Account:
    return Account(
        id=recipient.id,
        state=AccountState.GUEST,
        password="",
        password_at=now,
        name=sealed_name(recipient, "", ""),
        language=language,
        failures=0,
        created_at=now,
    )
