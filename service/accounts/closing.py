"""Closing an account, for its owner or for long inactivity: its keys go first, then all that names its owner.

What staff wrote or received stays in state offices. Replies that were queued still go out, since their writer was told
so; so do receipts that staff wait for. Messages that nobody holds any more get today as their date, and the next sweep
of retention deletes their blobs. The recipient's row stays for a while, ended and empty: mail to the same address makes
a new recipient, who has nothing of the old one's.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Exists, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from service.accounts.telling import told
from service.audit import record
from service.core.browsers import Browser
from service.core.states import AccountLetter, Bcc, Letter, Outgoing
from service.db.outbox import OPEN
from service.db.tables import (
    Account,
    Challenge,
    Code,
    Delivery,
    Device,
    Message,
    Outbox,
    OwnFolder,
    Passkey,
    Recipient,
    RecoveryCode,
    Reset,
    Session,
)
from service.letters.queue import queue_letter, seal_payload
from service.letters.reading import HOUR
from service.recipients import mailing_address
from service.vault.ring import KeyRing

GONE = b""
BLIND = {"synchronize_session": False}
"""Rows are deleted without being loaded."""
TO_OWNER = (Letter.CODE, Letter.NOTICE, Letter.REMINDER, Letter.ACCOUNT)
"""Letters that nobody is there for any more."""


@dataclass(frozen=True, slots=True, repr=False)
class Farewell:
    """Where the last letter goes and in which language: afterwards nothing else knows."""

    to: str
    language: str
    browser: Browser = field(default_factory=Browser)


def farewell_to(ring: KeyRing, recipient: Recipient, account: Account) -> Farewell:
    """Return where the last letter goes, for who holds the mailer key (sync). Raises SealBroken."""
    return Farewell(mailing_address(ring, recipient), account.language)


async def close_account(
    session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, now: datetime, *, actor: str, letter: Farewell | None
) -> bool:
    """End an account inside the caller's transaction; say False where it has none any more.

    Args:
        actor: who did it, for the audit log: `portal` for its owner, the name of a job, an administrator's id.
        letter: none where nobody is to be told.
    """
    recipient = await session.get(Recipient, account_id, with_for_update=True, populate_existing=True)
    account = await session.get(Account, account_id)
    if recipient is None or account is None or recipient.ended_at is not None:
        return False
    await _settle_letters(session, account_id, now)
    if letter is not None:
        await _say_farewell(session, ring, account_id, letter, now)
    recipient.private_wrapped = recipient.public_key = GONE
    recipient.address_self = recipient.address_admin = recipient.address_mailer = GONE
    recipient.bound, recipient.ended_at = None, now
    await session.flush()
    count = await session.scalar(select(func.count()).where(Delivery.recipient_id == account_id))
    await _let_go_of_messages(session, account_id, now)
    for table in (Session, Device, Passkey, RecoveryCode, Reset, Challenge):
        await session.execute(delete(table).where(table.account_id == account_id), execution_options=BLIND)
    await session.execute(delete(OwnFolder).where(OwnFolder.recipient_id == account_id), execution_options=BLIND)
    await session.delete(account)
    await session.flush()
    record(session, now, actor, "account.close", account_id.hex, f"{count} messages")
    return True


async def _settle_letters(session: AsyncSession, account_id: uuid.UUID, now: datetime) -> None:
    """Take back what was to be mailed to the owner and was not begun yet."""
    values = {"state": Outgoing.NOT_NEEDED, "payload": None, "lease_owner": None, "lease_until": None, "done_at": now}
    waiting = (Outbox.recipient_id == account_id, Outbox.state == Outgoing.PENDING, Outbox.letter.in_(TO_OWNER))
    await session.execute(update(Outbox).where(*waiting).values(values), execution_options=BLIND)


async def _say_farewell(
    session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, letter: Farewell, now: datetime
) -> None:
    """Queue the last letter, and let receipts that wait carry whom they speak of."""
    await _name_reader(session, ring, account_id, letter.to, now)
    await queue_letter(
        session,
        ring,
        Letter.ACCOUNT,
        f"account/{AccountLetter.CLOSED}/{account_id.hex}",
        now,
        payload=told(AccountLetter.CLOSED, letter.browser) | {"to": letter.to, "language": letter.language},
        recipient_id=account_id,
    )


async def _name_reader(
    session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, address: str, now: datetime
) -> None:
    """Write into receipts that wait who read; where an hour's readers are gathered, the owner gets one of their own."""

    def told_of(read_at: datetime) -> dict[str, str]:
        return {"read_at": read_at.isoformat(), "reader": address}

    waits = (Outbox.letter == Letter.RECEIPT_READ, Outbox.state.in_(OPEN), Delivery.read_at.is_not(None))
    alone = select(Outbox, Delivery.read_at).join(Delivery, Delivery.id == Outbox.delivery_id)
    for row, read_at in (await session.execute(alone.where(*waits, Outbox.recipient_id == account_id))).all():
        if read_at is not None:
            row.payload = seal_payload(ring, row.id, row.letter, told_of(read_at))
    gathered = select(Outbox.once, Delivery.id, Delivery.message_id, Delivery.read_at).join(
        Delivery, Delivery.message_id == Outbox.message_id
    )
    is_gathered = (*waits, Outbox.recipient_id.is_(None), Delivery.recipient_id == account_id)
    for once, delivery_id, message_id, read_at in (await session.execute(gathered.where(*is_gathered))).all():
        hour = datetime.fromtimestamp(float(once.rpartition("/")[2]), UTC)
        if read_at is not None and hour <= read_at < hour + HOUR:
            await queue_letter(
                session,
                ring,
                Letter.RECEIPT_READ,
                f"read/{delivery_id.hex}",
                now,
                payload=told_of(read_at),
                message_id=message_id,
                recipient_id=account_id,
            )


async def _let_go_of_messages(session: AsyncSession, account_id: uuid.UUID, now: datetime) -> None:
    """Delete the owner's shares; what nobody else holds ends today, unless blind copies are still looked for."""
    left_alone = (_is_held_by(account_id), ~_is_held_by_another(account_id), Message.bcc != Bcc.WAITING)
    ended = update(Message).where(*left_alone).values(expires_at=now, late_key=None)
    await session.execute(ended, execution_options=BLIND)
    await session.execute(delete(Code).where(Code.recipient_id == account_id), execution_options=BLIND)
    await session.execute(delete(Delivery).where(Delivery.recipient_id == account_id), execution_options=BLIND)


def _is_held_by(account_id: uuid.UUID) -> Exists:
    share = aliased(Delivery)
    return exists().where(share.message_id == Message.id, share.recipient_id == account_id)


def _is_held_by_another(account_id: uuid.UUID) -> Exists:
    share = aliased(Delivery)
    return exists().where(share.message_id == Message.id, share.recipient_id != account_id)
