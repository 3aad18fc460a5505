"""What lies in a recipient's mailbox. Every query carries its owner and its expiry.

Not yours, not there, revoked and expired are the same `None`.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from service.core.states import Folder, MessageKind
from service.db.tables import Blob, Delivery, Message
from service.letters.reading import tell_read
from service.mailbox.order import IS_UNREAD, Place, Sort, in_order, is_ahead, is_behind, place_of
from service.vault.ring import KeyRing

PAGE = 50
"""Rows of one page of a list."""


class Show(StrEnum):
    """Which rows of a folder."""

    ALL = "all"
    UNREAD = "unread"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list."""

    deliveries: Sequence[Delivery]
    has_more: bool
    """Behind its last row."""
    sort: Sort = Sort.NEWEST
    has_before: bool = False
    """Ahead of its first row."""

    @property
    def first(self) -> Place | None:
        return place_of(self.deliveries[0], self.sort) if self.deliveries else None

    @property
    def last(self) -> Place | None:
        return place_of(self.deliveries[-1], self.sort) if self.deliveries else None


@dataclass(frozen=True, slots=True)
class Count:
    total: int = 0
    unread: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.total + other.total, self.unread + other.unread)


@dataclass(frozen=True, slots=True)
class Counts:
    """What lies where: in each folder, and in each of the reader's own."""

    folders: dict[Folder, Count]
    own: dict[uuid.UUID, Count]


def in_place(folder: Folder, own: uuid.UUID | None = None) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of lying in a folder, or in one of the reader's own."""
    if own is not None:
        return (Delivery.own_folder_id == own, Delivery.folder != Folder.DELETED)
    if folder is Folder.DELETED:
        return (Delivery.folder == folder,)
    return (Delivery.folder == folder, Delivery.own_folder_id.is_(None))


def living(recipient_id: uuid.UUID, now: datetime, *, is_sought: bool = True) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that every query for a reader starts from: whose it is, and that its time is not over.

    Where rows are sought by something better than their owner, the owner is only looked at: a planner without
    statistics takes the index of all that the reader has.
    """
    owner = Delivery.recipient_id == recipient_id
    whose = owner if is_sought else case((owner, 1), else_=0) == 1
    return (whose, Delivery.expires_at > now, Delivery.revoked_at.is_(None))


async def list_folder(
    session: AsyncSession,
    recipient_id: uuid.UUID,
    folder: Folder,
    now: datetime,
    *,
    sort: Sort = Sort.NEWEST,
    after: Place | None = None,
    before: Place | None = None,
    limit: int = PAGE,
    show: Show = Show.ALL,
    own: uuid.UUID | None = None,
) -> Listed:
    """Read one page with its messages: the first, the one behind a place, or the one before a place.

    The ids are found in their index alone; only the rows of the page itself are then read.
    """
    query = _ids(recipient_id, folder, now, sort, show, own).limit(limit + 1)
    if before is not None:
        query = query.where(is_ahead(sort, before)).order_by(*in_order(sort, is_reversed=True))
    else:
        query = query.order_by(*in_order(sort))
        if after is not None:
            query = query.where(is_behind(sort, after))
    ids = list(await session.scalars(query))
    has_further = len(ids) > limit
    ids = ids[:limit]
    if before is not None:
        ids.reverse()
    rows = await read_rows(session, recipient_id, ids, now)
    if before is not None:
        return Listed(rows, has_more=True, sort=sort, has_before=has_further)
    return Listed(rows, has_more=has_further, sort=sort, has_before=after is not None)


async def list_last(
    session: AsyncSession,
    recipient_id: uuid.UUID,
    folder: Folder,
    now: datetime,
    *,
    sort: Sort = Sort.NEWEST,
    limit: int = PAGE,
    show: Show = Show.ALL,
    own: uuid.UUID | None = None,
) -> Listed:
    """Read the last rows: what a reader sees whose page emptied meanwhile."""
    query = _ids(recipient_id, folder, now, sort, show, own).limit(limit + 1)
    ids = list(await session.scalars(query.order_by(*in_order(sort, is_reversed=True))))
    rows = await read_rows(session, recipient_id, ids[:limit][::-1], now)
    return Listed(rows, has_more=False, sort=sort, has_before=len(ids) > limit)


async def count_ahead(
    session: AsyncSession,
    recipient_id: uuid.UUID,
    folder: Folder,
    now: datetime,
    first: Place,
    *,
    sort: Sort = Sort.NEWEST,
    show: Show = Show.ALL,
    own: uuid.UUID | None = None,
) -> tuple[int, int]:
    """Count the rows ahead of a place, and all of them."""
    ids = _ids(recipient_id, folder, now, sort, show, own)
    counted = ids.with_only_columns(func.count().filter(is_ahead(sort, first)), func.count())
    ahead, total = (await session.execute(counted)).one()
    return ahead, total


async def read_rows(
    session: AsyncSession, recipient_id: uuid.UUID, ids: Sequence[uuid.UUID], now: datetime
) -> list[Delivery]:
    """Read deliveries with their messages, in the order of the ids; those that are no more are left out."""
    query = (
        select(Delivery)
        .join(Delivery.message)
        .options(contains_eager(Delivery.message))
        .where(*living(recipient_id, now, is_sought=False), Delivery.id.in_(ids))
    )
    found = {row.id: row for row in await session.scalars(query)} if ids else {}
    return [found[one] for one in ids if one in found]


async def count_all(session: AsyncSession, recipient_id: uuid.UUID, now: datetime) -> Counts:
    """Count what lies where; of the four folders those without anything are there too."""
    own_id = Delivery.own_folder_id
    query = (
        select(Delivery.folder, own_id, func.count(), func.count().filter(IS_UNREAD))
        .where(*living(recipient_id, now))
        .group_by(Delivery.folder, own_id)
    )
    folders, own = dict.fromkeys(Folder, Count()), defaultdict[uuid.UUID, Count](Count)
    for folder, folder_id, total, unread in await session.execute(query):
        if folder_id is None or folder is Folder.DELETED:
            folders[folder] += Count(total, unread)
        else:
            own[folder_id] += Count(total, unread)
    return Counts(folders, dict(own))


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
    session: AsyncSession,
    recipient_id: uuid.UUID,
    delivery: Delivery,
    now: datetime,
    *,
    sort: Sort = Sort.NEWEST,
    show: Show = Show.ALL,
) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """Find the one before and the one behind in the same list: by its own order, the next newer and the next older."""
    own = delivery.own_folder_id if delivery.folder is not Folder.DELETED else None
    at = place_of(delivery, sort)
    ids = _ids(recipient_id, delivery.folder, now, sort, show, own).limit(1)
    before = ids.where(is_ahead(sort, at)).order_by(*in_order(sort, is_reversed=True))
    behind = ids.where(is_behind(sort, at)).order_by(*in_order(sort))
    return await session.scalar(before), await session.scalar(behind)


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
        await tell_read(session, ring, delivery, now)
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


def _ids(
    recipient_id: uuid.UUID, folder: Folder, now: datetime, sort: Sort, show: Show, own: uuid.UUID | None
) -> Select[uuid.UUID]:
    query = select(Delivery.id).where(*living(recipient_id, now), *in_place(folder, own))
    if show is Show.FILES or sort.needs_message:
        query = query.join(Delivery.message)
    if show is Show.UNREAD:
        query = query.where(IS_UNREAD)
    elif show is Show.FILES:
        query = query.where(Message.files > 0)
    return query
