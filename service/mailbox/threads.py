"""The other messages of a thread that lie in the reader's own mailbox. Found by digests: no sheet is opened to look."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from service.core.states import MessageKind
from service.db.tables import Delivery, Message
from service.mailbox.deliveries import living

THREAD_MOST = 20
"""Newest first; who wants more finds it in the folders."""


async def list_thread(
    session: AsyncSession, recipient_id: uuid.UUID, message: Message, now: datetime
) -> tuple[Sequence[Delivery], bool]:
    """Return the others of a thread, newest first, with their messages, and whether there are more."""
    tie: ColumnElement[bool]
    if message.thread_index is not None:
        # from the thread to its deliveries, never by way of all that the reader has
        tie = Delivery.message_id.in_(select(Message.id).where(Message.thread_index == message.thread_index))
    else:
        # a mail without any id: only what was written on the portal knows that it belongs to it
        tie = or_(Message.answers_id == message.id, Message.id == message.answers_id)
    query = (
        select(Delivery)
        .join(Delivery.message)
        .options(contains_eager(Delivery.message))
        .where(*living(recipient_id, now), tie, Message.id != message.id, Message.kind != MessageKind.DRAFT)
        .order_by(Delivery.received_at.desc(), Delivery.id.desc())
        .limit(THREAD_MOST + 1)
    )
    rows = (await session.scalars(query)).all()
    return rows[:THREAD_MOST], len(rows) > THREAD_MOST
