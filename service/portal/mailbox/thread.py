"""The foot of the message page: the other messages of the thread, folded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quart import g
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import MessageKind
from service.db.tables import Message
from service.errors import Broken
from service.mailbox.opening import open_delivery
from service.mailbox.threads import list_thread
from service.portal.mailbox.blueprint import reader
from service.portal.state import portal


@dataclass(frozen=True, slots=True)
class Turn:
    """One other message of the thread."""

    id: str
    who: str
    is_own: bool
    is_later: bool
    at: datetime
    excerpt: str


async def read_thread(session: AsyncSession, message: Message) -> tuple[Sequence[Turn], bool]:
    """Read the others of the thread, newest first, and whether there are more. What does not open is left out."""
    who = reader()
    rows, has_more = await list_thread(session, who.recipient_id, message, g.now)
    turns: list[Turn] = []
    for row in rows:
        try:
            opened = open_delivery(portal().ring, who.key, row)
            excerpt = opened.excerpt
        except Broken:
            continue
        sender = opened.sheet.sender
        is_own = row.message.kind is not MessageKind.RECEIVED
        is_later = row.received_at > message.received_at
        turns.append(Turn(row.id.hex, sender.name or sender.address, is_own, is_later, row.received_at, excerpt))
    return turns, has_more
