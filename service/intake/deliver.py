"""Give a message to recipients: a delivery with the keys sealed to each, and its letters, in the caller's transaction.

With the notice its reminders are queued: when they are due, whoever sends looks whether they are still wanted.
"""

import asyncio
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import Envelope, Folder, Letter
from service.db.engine import Database
from service.db.locks import lock
from service.db.tables import Delivery, Message, Recipient
from service.intake.facts import Rules
from service.letters.queue import queue_letter
from service.recipients import address_index, get_by_address, new_recipient
from service.vault.people import seal_keys_to_recipient
from service.vault.ring import KeyRing
from service.vault.tokens import new_token
from service.vault.types import DataKey

Prepared = Mapping[bytes, Recipient]
"""By address index."""


async def prepare_recipients(db: Database, ring: KeyRing, addresses: Iterable[str], now: datetime) -> Prepared:
    """Make the key pairs of recipients that are new, outside of any transaction: 2 ms of one core each."""
    async with db.reading() as session:
        missing = [address for address in addresses if await get_by_address(session, ring, address) is None]
    made = [await asyncio.to_thread(new_recipient, ring, address, now) for address in missing]
    return {recipient.address_index: recipient for recipient in made}


async def deliver(
    session: AsyncSession,
    ring: KeyRing,
    message: Message,
    keys: tuple[DataKey, DataKey],
    addressed: Mapping[str, Envelope],
    prepared: Prepared,
    rules: Rules,
    now: datetime,
) -> list[str]:
    """Give the message to those who have not got it yet; return their addresses. `keys`: content and sheet."""
    holders = set(await session.scalars(select(Delivery.recipient_id).where(Delivery.message_id == message.id)))
    added = []
    for index in sorted(prepared):  # in one order, so that two transactions with the same new recipients only wait
        await lock(session, index)
    for address, envelope in addressed.items():
        recipient = await get_by_address(session, ring, address, is_held=True)
        if recipient is None:
            recipient = prepared.get(address_index(ring, address)) or new_recipient(ring, address, now)
            session.add(recipient)
            await session.flush()
        if recipient.id in holders:
            continue
        holders.add(recipient.id)
        added.append(address)
        await _deliver_to(session, ring, message, keys, recipient, envelope, rules, now)
    return added


async def _deliver_to(
    session: AsyncSession,
    ring: KeyRing,
    message: Message,
    keys: tuple[DataKey, DataKey],
    recipient: Recipient,
    envelope: Envelope,
    rules: Rules,
    now: datetime,
) -> None:
    token, token_hash = new_token()
    delivery = Delivery(
        id=uuid.uuid4(),
        message_id=message.id,
        recipient_id=recipient.id,
        envelope=envelope,
        keys=seal_keys_to_recipient(recipient.public_key, message.id.hex, *keys),
        token_hash=token_hash,
        folder=Folder.INBOX,
        received_at=message.received_at,
        expires_at=message.expires_at,
    )
    session.add(delivery)
    await session.flush()
    letters = [(Letter.NOTICE, "notice", now), *((Letter.REMINDER, *one) for one in reminders(message, rules, now))]
    for letter, name, due_at in letters:
        await queue_letter(
            session,
            ring,
            letter,
            f"{name}/{delivery.id.hex}",
            now,
            payload={"token": token},
            message_id=message.id,
            delivery_id=delivery.id,
            recipient_id=recipient.id,
            due_at=due_at,
        )


def reminders(message: Message, rules: Rules, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Say which reminders of a notice sent now make sense, and when each is due: in their order, before the end."""
    last = now
    if rules.remind_unread and now + rules.remind_unread < message.expires_at:
        last = now + rules.remind_unread
        yield "remind/unread", last
    ending = message.expires_at - rules.remind_ending
    if rules.remind_ending and last < ending:
        yield "remind/ending", ending
