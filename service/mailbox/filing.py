"""What a reader does with many messages at once: marks them, deletes them, moves them back. Nothing is destroyed here.

Ids of others, of expired and of revoked messages are passed over like ids that never were.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, not_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import Envelope, Folder, MessageKind
from service.db.tables import Delivery, Message
from service.mailbox.deliveries import living
from service.mailbox.order import IS_UNREAD

FILED_MOST = 100
"""Messages of one press of a button."""
HOME = {MessageKind.RECEIVED: Folder.INBOX, MessageKind.REPLY: Folder.SENT, MessageKind.DRAFT: Folder.DRAFTS}
"""Where a message lies that was not deleted."""


class Act(StrEnum):
    """What can be done; the second half takes the first back."""

    READ = "read"
    UNREAD = "unread"
    DELETE = "delete"
    RESTORE = "restore"

    @property
    def opposite(self) -> "Act":
        return _OPPOSITES[self]


_OPPOSITES = {Act.READ: Act.UNREAD, Act.UNREAD: Act.READ, Act.DELETE: Act.RESTORE, Act.RESTORE: Act.DELETE}
_DONE: dict[Act, tuple[ColumnElement[bool], ...]] = {
    Act.READ: (Delivery.envelope != Envelope.OWN, not_(IS_UNREAD)),
    Act.UNREAD: (Delivery.envelope != Envelope.OWN, IS_UNREAD),
    Act.DELETE: (Delivery.folder == Folder.DELETED,),
    Act.RESTORE: (Delivery.folder != Folder.DELETED,),
}
"""How a message stands after the act, and so before its opposite."""


async def file_messages(
    session: AsyncSession, recipient_id: uuid.UUID, ids: Sequence[uuid.UUID], act: Act, now: datetime
) -> list[uuid.UUID]:
    """Do it to those that do not stand so yet; return which were changed."""
    which = (*living(recipient_id, now), Delivery.id.in_(ids[:FILED_MOST]), *_DONE[act.opposite])
    if act is not Act.RESTORE:
        values = {"folder": Folder.DELETED} if act is Act.DELETE else {"marked_read": act is Act.READ}
        return await _change(session, which, values)
    changed: list[uuid.UUID] = []
    for kind, folder in HOME.items():
        of_kind = Delivery.message_id.in_(select(Message.id).where(Message.kind == kind))
        changed += await _change(session, (*which, of_kind), {"folder": folder})
    return changed


async def count_filed(
    session: AsyncSession, recipient_id: uuid.UUID, ids: Sequence[uuid.UUID], act: Act, now: datetime
) -> int:
    """Count those that stand as the act left them: what a page may say of it."""
    query = select(func.count()).where(*living(recipient_id, now), Delivery.id.in_(ids[:FILED_MOST]), *_DONE[act])
    return await session.scalar(query) or 0


async def _change(
    session: AsyncSession, which: Sequence[ColumnElement[bool]], values: dict[str, Any]
) -> list[uuid.UUID]:
    statement = update(Delivery).where(*which).values(**values).returning(Delivery.id)
    return list(await session.scalars(statement.execution_options(synchronize_session=False)))
