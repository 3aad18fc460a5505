"""How far a reply is with each of those it was written to.

The rows name nobody: whose each is, only the writer's own sheet says. `sync` moves them on as Exchange tells.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.sheet import Person, Sheet
from service.core.states import HandedOver
from service.db.tables import Handover
from service.mailbox.addressees import each_once
from service.recipients import address_index
from service.vault.ring import KeyRing

_STUCK = (HandedOver.RETURNED, HandedOver.FAILED)


class Trouble(StrEnum):
    """Why it could not be delivered, as far as that changes what to do now."""

    NO_MAILBOX = "no_mailbox"
    FULL = "full"
    TOO_BIG = "too_big"
    REFUSED = "refused"
    OTHER = "other"


_TROUBLES = {
    "5.1.": Trouble.NO_MAILBOX,
    "5.2.1": Trouble.NO_MAILBOX,  # disabled
    "5.2.2": Trouble.FULL,
    "4.2.2": Trouble.FULL,
    "5.2.3": Trouble.TOO_BIG,
    "5.3.4": Trouble.TOO_BIG,
    "5.7.": Trouble.REFUSED,
}
"""By the beginning of the status code: RFC 3463 sections 3.2 to 3.8."""


@dataclass(frozen=True, slots=True)
class Reached:
    """One addressee, and how far the reply is with them."""

    person: Person
    state: HandedOver
    trouble: Trouble | None = None
    changed_at: datetime | None = None


def trouble_of(reason: str) -> Trouble:
    """Say what a status code comes to."""
    return next((trouble for code, trouble in _TROUBLES.items() if f"{reason}.".startswith(code)), Trouble.OTHER)


def add_handovers(
    session: AsyncSession, ring: KeyRing, message_id: uuid.UUID, people: Iterable[Person], now: datetime
) -> None:
    """Begin one row for each address, in the transaction that queues the reply."""
    session.add_all(
        Handover(
            message_id=message_id,
            address_index=address_index(ring, person.address),
            state=HandedOver.WAITING,
            changed_at=now,
        )
        for person in each_once(people)
    )


async def list_reached(session: AsyncSession, ring: KeyRing, message_id: uuid.UUID, sheet: Sheet) -> list[Reached]:
    """Say of each addressee how far it is; nothing of those who have no row. The caller knows whose message it is."""
    rows = await session.scalars(select(Handover).where(Handover.message_id == message_id))
    found = {row.address_index: row for row in rows}
    return [
        Reached(person, row.state, trouble_of(row.reason) if row.state in _STUCK else None, row.changed_at)
        for person in each_once((*sheet.to, *sheet.cc))
        if (row := found.get(address_index(ring, person.address))) is not None
    ]


async def find_stuck(session: AsyncSession, message_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Find the messages that did not reach everybody. The caller knows whose they are."""
    if not message_ids:
        return set()
    query = select(Handover.message_id).where(Handover.message_id.in_(message_ids), Handover.state.in_(_STUCK))
    return set(await session.scalars(query.distinct()))
