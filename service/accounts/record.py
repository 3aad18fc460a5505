"""What a person's own record says: when they came in, and when they got, read and answered what. Never any content."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import MessageKind
from service.db.tables import Account, AuditEntry, Delivery, Device, Message

OWN_VERBS = (
    "account.create",
    "account.password",
    "account.reset",
    "account.lock",
    "account.unlock",
    "account.warned",
    "account.disabled",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """The first lines of the record."""

    created_at: datetime
    last_sign_in_at: datetime | None
    browsers: int
    received: int
    read: int
    sent: int


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    what: str
    """A verb of the audit log, `browser`, `received`, `read`, `answered`, `sent` or `draft`."""
    reference: str = ""
    """Of the message that it is about."""


async def read_facts(session: AsyncSession, account: Account) -> Facts:
    is_received = Message.kind == MessageKind.RECEIVED
    counts = select(
        func.count().filter(is_received),
        func.count().filter(is_received, Delivery.read_at.is_not(None)),
        func.count().filter(Message.kind == MessageKind.REPLY),
    )
    mine = counts.select_from(Delivery).join(Delivery.message).where(Delivery.recipient_id == account.id)
    received, read, sent = (await session.execute(mine)).one()
    browsers = await session.scalar(select(func.count()).where(Device.account_id == account.id)) or 0
    return Facts(account.created_at, account.last_sign_in_at, browsers, received, read, sent)


async def list_events(session: AsyncSession, account_id: uuid.UUID) -> Sequence[Event]:
    """List all that is on record, oldest first; of messages, as long as they are kept."""
    entries = await session.scalars(
        select(AuditEntry).where(AuditEntry.object_id == account_id.hex, AuditEntry.verb.in_(OWN_VERBS))
    )
    found = [Event(entry.at, entry.verb) for entry in entries]
    devices = await session.scalars(select(Device.created_at).where(Device.account_id == account_id))
    found += [Event(at, "browser") for at in devices]
    rows = await session.execute(
        select(Message.kind, Message.reference, Delivery.received_at, Delivery.read_at, Delivery.answered_at)
        .join(Delivery.message)
        .where(Delivery.recipient_id == account_id)
    )
    begins = {MessageKind.RECEIVED: "received", MessageKind.REPLY: "sent", MessageKind.DRAFT: "draft"}
    for kind, reference, received_at, read_at, answered_at in rows.all():
        found.append(Event(received_at, begins[kind], reference))
        if kind is MessageKind.RECEIVED and read_at is not None:
            found.append(Event(read_at, "read", reference))
        if answered_at is not None:
            found.append(Event(answered_at, "answered", reference))
    return sorted(found, key=lambda event: event.at)
