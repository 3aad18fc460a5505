"""Tell a sender who did not read a message before its date; written just before its keys go."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import Envelope, Letter, MessageKind
from service.db.tables import Delivery, Message, Recipient
from service.errors import ServiceError
from service.letters.opened import message_sheet, staff_sender
from service.letters.queue import queue_letter
from service.letters.receipts import shown_on
from service.recipients import mailing_address
from service.vault.ring import KeyRing

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Unread:
    """A message past its date, with those who did not read it."""

    message: Message
    recipients: Sequence[Recipient]


async def list_unread(session: AsyncSession, messages: Iterable[Message]) -> list[Unread]:
    """List those of received messages whose sender is to be told; what was revoked or nobody's is not told of."""
    by_id = {one.id: one for one in messages if one.kind is MessageKind.RECEIVED and one.sender_box is not None}
    rows = await session.execute(
        select(Delivery.message_id, Recipient)
        .join(Recipient, Recipient.id == Delivery.recipient_id)
        .where(
            Delivery.message_id.in_(by_id),
            Delivery.envelope != Envelope.OWN,
            Delivery.read_at.is_(None),
            Delivery.revoked_at.is_(None),
        )
        .order_by(Delivery.message_id, Delivery.envelope.desc(), Recipient.address_index)
    )
    found: dict[uuid.UUID, list[Recipient]] = {}
    for message_id, recipient in rows.all():
        found.setdefault(message_id, []).append(recipient)
    return [Unread(by_id[message_id], recipients) for message_id, recipients in found.items()]


def write_to_senders(ring: KeyRing, unread: Iterable[Unread]) -> dict[uuid.UUID, dict[str, Any]]:
    """Return what each sender is told, by message. What does not open is not told of, and ends all the same."""
    told = {}
    for one in unread:
        try:
            if (payload := _payload(ring, one)) is not None:
                told[one.message.id] = payload
        except ServiceError as exc:
            log.error("expired_untold", message=one.message.id.hex, error=type(exc).__name__)  # noqa: TRY400 - no foreign text in logs
    return told


async def tell_expired(
    session: AsyncSession, ring: KeyRing, message_id: uuid.UUID, payload: dict[str, Any], now: datetime
) -> None:
    """Queue *Expired Unread*. The row names no message: what names it is shredded in the same transaction."""
    await queue_letter(session, ring, Letter.RECEIPT_EXPIRED, f"expired/{message_id.hex}", now, payload=payload)


def _payload(ring: KeyRing, unread: Unread) -> dict[str, Any] | None:
    message = unread.message
    sheet = message_sheet(ring, message)
    if sheet.automatic:
        return None  # RFC 3834 §2: an automatic answer is not answered
    sender = staff_sender(ring, message)
    return {
        "to": sender.address,
        "sender_name": sender.name,
        "subject": sheet.subject,
        "unread": [shown_on(sheet, mailing_address(ring, recipient)) for recipient in unread.recipients],
        "sent_at": sheet.sent_at.isoformat(),
        "expired_at": message.expires_at.isoformat(),
        "reference": message.reference,
    }
