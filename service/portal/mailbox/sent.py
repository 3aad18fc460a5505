"""How far what the reader sent is with each of those it was written to."""

from dataclasses import dataclass

from quart import g
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.sheet import Sheet
from service.core.states import MessageKind
from service.mailbox.deliveries import get_delivery
from service.mailbox.handovers import Reached, list_reached
from service.mailbox.opening import Opened, open_delivery
from service.portal.mailbox.blueprint import reader
from service.portal.mailbox.rows import read_id
from service.portal.state import portal


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent just now."""

    id: str
    sheet: Sheet
    reached: list[Reached]


async def reached_by(session: AsyncSession, opened: Opened) -> list[Reached]:
    """List the addressees of what the reader sent; nobody for what they got."""
    if opened.message.kind is not MessageKind.REPLY:
        return []
    return await list_reached(session, portal().ring, opened.message.id, opened.sheet)


async def just_sent(text_id: str) -> Sent | None:
    """Find what was just sent, to say so."""
    on, who = portal(), reader()
    delivery_id = read_id(text_id)
    if delivery_id is None:
        return None
    async with on.db.reading() as session:
        delivery = await get_delivery(session, who.recipient_id, delivery_id, g.now)
        if delivery is None or delivery.message.kind is not MessageKind.REPLY:
            return None
        opened = open_delivery(on.ring, who.key, delivery)
        return Sent(delivery.id.hex, opened.sheet, await reached_by(session, opened))
