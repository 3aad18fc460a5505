"""Whom a reader may want to write to: people inside who stand in the reader's own messages, and nobody else."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from service.core.addresses import InsideDomains, normal_form
from service.core.sheet import Person
from service.core.states import MessageKind
from service.db.tables import Delivery, Message
from service.errors import Broken
from service.mailbox.addressees import each_once
from service.mailbox.deliveries import living
from service.mailbox.opening import open_delivery
from service.vault.people import RecipientKey
from service.vault.ring import KeyRing

MESSAGES_MOST = 200
"""The newest; opening one takes a fraction of a millisecond."""
PEOPLE_MOST = 100


async def list_acquaintances(session: AsyncSession, recipient_id: uuid.UUID, now: datetime) -> Sequence[Delivery]:
    """Read the newest messages of a reader, to look at their sheets."""
    query = (
        select(Delivery)
        .join(Delivery.message)
        .options(contains_eager(Delivery.message))
        .where(*living(recipient_id, now), Message.kind != MessageKind.DRAFT)
        .order_by(Delivery.received_at.desc(), Delivery.id.desc())
        .limit(MESSAGES_MOST)
    )
    return (await session.scalars(query)).all()


def people_in(
    ring: KeyRing, key: RecipientKey, deliveries: Sequence[Delivery], inside: InsideDomains, ours: frozenset[str]
) -> tuple[Person, ...]:
    """Name each person inside once, those of the newest messages first. To be run in a thread."""
    found: list[Person] = []
    for delivery in deliveries:
        try:
            sheet = open_delivery(ring, key, delivery).sheet
        except Broken:
            continue
        senders = (sheet.sender,) if delivery.message.kind is MessageKind.RECEIVED else ()
        people = (*senders, *sheet.reply_to, *sheet.to, *sheet.cc)
        found += [one for one in people if inside.holds(one.address) and normal_form(one.address) not in ours]
    named = sorted(found, key=lambda one: not one.name)  # the same person, with a name where there is one
    names = {normal_form(one.address): one for one in reversed(named)}
    return tuple(names[normal_form(one.address)] for one in each_once(found))[:PEOPLE_MOST]
