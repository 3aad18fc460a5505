"""What lies in a recipient's mailbox. Every query carries its owner and its expiry.

Not yours, not there, revoked and expired are the same `None`.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from service.core.states import Folder, Letter, MessageKind
from service.db.tables import Blob, Delivery, Message
from service.letters.queue import queue_letter
from service.vault.ring import KeyRing

PAGE = 50
"""Rows of one page of a list."""


class Show(StrEnum):
    """Which rows of a folder."""

    ALL = "all"
    UNREAD = "unread"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in a list: the next page begins behind it."""

    received_at: datetime
    id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list, newest first."""

    deliveries: Sequence[Delivery]
    has_more: bool

    @property
    def last(self) -> Place | None:
        if not self.deliveries:
            return None
        return Place(self.deliveries[-1].received_at, self.deliveries[-1].id)


@dataclass(frozen=True, slots=True)
class Count:
    total: int = 0
    unread: int = 0


IS_UNREAD = or_(Delivery.marked_read.is_(False), and_(Delivery.marked_read.is_(None), Delivery.read_at.is_(None)))


def is_unread(delivery: Delivery) -> bool:
    """Say what `IS_UNREAD` says, of a row in hand."""
    return delivery.read_at is None if delivery.marked_read is None else not delivery.marked_read


def in_place(folder: Folder, own: uuid.UUID | None = None) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of lying in a folder, or in one of the reader's own."""
    if own is not None:
        return (Delivery.own_folder_id == own, Delivery.folder != Folder.DELETED)
    if folder is Folder.DELETED:
        return (Delivery.folder == folder,)
    return (Delivery.folder == folder, Delivery.own_folder_id.is_(None))


def living(recipient_id: uuid.UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that every query for a reader starts from: whose it is, and that its time is not over."""
    return (Delivery.recipient_id == recipient_id, Delivery.expires_at > now, Delivery.revoked_at.is_(None))


async def list_folder(
    session: AsyncSession,
    recipient_id: uuid.UUID,
    folder: Folder,
    now: datetime,
    *,
    after: Place | None = None,
    limit: int = PAGE,
    show: Show = Show.ALL,
    own: uuid.UUID | None = None,
) -> Listed:
    """Read one page, with its messages."""
    query = (
        select(Delivery)
        .join(Delivery.message)
        .options(contains_eager(Delivery.message))
        .where(*living(recipient_id, now), *in_place(folder, own))
        .order_by(Delivery.received_at.desc(), Delivery.id.desc())
        .limit(limit + 1)
    )
    if show is Show.UNREAD:
        query = query.where(IS_UNREAD)
    elif show is Show.FILES:
        query = query.where(Message.files > 0)
    if after is not None:
        query = query.where(
            or_(
                Delivery.received_at < after.received_at,
                and_(Delivery.received_at == after.received_at, Delivery.id < after.id),
            )
        )
    rows = (await session.scalars(query)).all()
    return Listed(rows[:limit], has_more=len(rows) > limit)


async def count_folders(session: AsyncSession, recipient_id: uuid.UUID, now: datetime) -> dict[Folder, Count]:
    """Count what lies in each folder; folders without anything are there too."""
    query = (
        select(Delivery.folder, func.count(), func.count().filter(IS_UNREAD))
        .where(*living(recipient_id, now), or_(Delivery.own_folder_id.is_(None), Delivery.folder == Folder.DELETED))
        .group_by(Delivery.folder)
    )
    found = {folder: Count(total, unread) for folder, total, unread in await session.execute(query)}
    return {folder: found.get(folder, Count()) for folder in Folder}


async def get_delivery(
    session: AsyncSession, recipient_id: uuid.UUID, delivery_id: uuid.UUID, now: datetime
) -> Delivery | None:
    """Read one delivery with its message."""
    return await _one(session, recipient_id, now, Delivery.id == delivery_id)


async def get_by_message(
    session: AsyncSession, recipient_id: uuid.UUID, message_id: uuid.UUID, now: datetime
) -> Delivery | None:
    """Read the reader's own delivery of a message."""
    return await _one(session, recipient_id, now, Delivery.message_id == message_id)


async def get_neighbours(
    session: AsyncSession, recipient_id: uuid.UUID, delivery: Delivery, now: datetime
) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """Find the next newer and the next older one in the same folder."""
    own = delivery.own_folder_id if delivery.folder is not Folder.DELETED else None
    here = (*living(recipient_id, now), *in_place(delivery.folder, own))
    at, row_id = delivery.received_at, delivery.id
    is_newer = or_(Delivery.received_at > at, and_(Delivery.received_at == at, Delivery.id > row_id))
    is_older = or_(Delivery.received_at < at, and_(Delivery.received_at == at, Delivery.id < row_id))
    newer = select(Delivery.id).where(*here, is_newer).order_by(Delivery.received_at, Delivery.id).limit(1)
    older = (
        select(Delivery.id).where(*here, is_older).order_by(Delivery.received_at.desc(), Delivery.id.desc()).limit(1)
    )
    return await session.scalar(newer), await session.scalar(older)


async def list_blobs(session: AsyncSession, message_id: uuid.UUID) -> dict[str, str]:
    """Return the store's keys of a message's blobs, by their names in the message. The caller knows whose it is."""
    rows = await session.execute(select(Blob.name, Blob.key).where(Blob.message_id == message_id))
    return {name: key for name, key in rows}  # noqa: C416 - rows are not pairs to mypy


async def mark_read(
    session: AsyncSession, ring: KeyRing, delivery: Delivery, now: datetime, *, is_automatic: bool
) -> bool:
    """Record the first showing and queue the sender's receipt; say whether this was the first.

    Only what came from staff is receipted, and never what a program sent.
    """
    first = await session.scalar(
        update(Delivery)
        .where(Delivery.id == delivery.id, *living(delivery.recipient_id, now), Delivery.read_at.is_(None))
        .values(read_at=now, marked_read=None)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    if first is None:
        await session.execute(
            update(Delivery)
            .where(Delivery.id == delivery.id, *living(delivery.recipient_id, now), Delivery.marked_read.is_not(None))
            .values(marked_read=None)
            .execution_options(synchronize_session=False)
        )
        return False
    if delivery.message.kind is MessageKind.RECEIVED and not is_automatic:
        await queue_letter(
            session,
            ring,
            Letter.RECEIPT_READ,
            f"read/{delivery.id.hex}",
            now,
            payload={"read_at": now.isoformat()},
            message_id=delivery.message_id,
            delivery_id=delivery.id,
            recipient_id=delivery.recipient_id,
        )
    return True


async def _one(
    session: AsyncSession, recipient_id: uuid.UUID, now: datetime, which: ColumnElement[bool]
) -> Delivery | None:
    query = (
        select(Delivery)
        .join(Delivery.message)
        .options(contains_eager(Delivery.message))
        .where(*living(recipient_id, now), which)
    )
    return (await session.scalars(query)).one_or_none()
