"""What a sender is told about a mail of theirs; automatic answers are told nothing. Written in `service.letters`."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.core.sheet import Person
from service.core.states import Letter, NotDelivered
from service.letters.queue import queue_letter
from service.vault.ring import KeyRing


async def tell_secured(
    session: AsyncSession, ring: KeyRing, message_id: uuid.UUID, inside: Iterable[str], now: datetime, *, late: int = 0
) -> None:
    """Queue *Secure Message Sent*; `inside` are those who got the mail from Exchange as usual.

    `late`: once more, since some of so many blind copies were found after the first receipt.
    """
    told: dict[str, object] = {"inside": listed} if (listed := list(inside)) else {}
    if late:
        told["late"] = True
    await queue_letter(
        session,
        ring,
        Letter.RECEIPT_SECURED,
        f"secured/{message_id.hex}/{late}" if late else f"secured/{message_id.hex}",
        now,
        payload=told or None,
        message_id=message_id,
    )


async def tell_not_delivered(
    session: AsyncSession,
    ring: KeyRing,
    reason: NotDelivered,
    about: uuid.UUID,
    to: Person,
    now: datetime,
    *,
    subject: str,
    recipients: Iterable[str],
    sent_at: datetime,
    message_id: uuid.UUID | None = None,
    over_by: int = 0,
    size: int = 0,
) -> None:
    """Queue *Not delivered*, once for each reason and mail; `about` is the message's id, or the arrival's."""
    await queue_letter(
        session,
        ring,
        Letter.RECEIPT_NOT_DELIVERED,
        f"not-delivered/{reason}/{about.hex}",
        now,
        payload={
            "reason": reason.value,
            "to": to.address,
            "sender_name": to.name,
            "subject": subject,
            "recipients": list(recipients),
            "sent_at": sent_at.isoformat(),
            "over_by": over_by,
            "size": size,
        },
        message_id=message_id,
    )
