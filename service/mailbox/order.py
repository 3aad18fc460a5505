"""The orders of a list, and where a page of it begins: by the keys of its rows, never by counting them off.

A page so begins in the same place whatever was deleted, moved or received meanwhile, and rows with equal keys are told
apart by their ids.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Tuple, case, literal, tuple_
from sqlalchemy.sql.elements import UnaryExpression

from service.db.tables import Delivery, Message

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PLACE_CHARACTERS = 80
LARGEST_NUMBER = 2**63 - 1
IS_UNREAD = Delivery.marked_read.is_(False) | (Delivery.marked_read.is_(None) & Delivery.read_at.is_(None))


class Sort(StrEnum):
    """What stands first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    UNREAD = "unread"
    """Unread ones, and among equals the newest."""
    LARGEST = "largest"
    SMALLEST = "smallest"
    ENDING = "ending"
    """Least time left."""
    LASTING = "lasting"

    @property
    def is_descending(self) -> bool:
        return self not in {Sort.OLDEST, Sort.SMALLEST, Sort.ENDING}

    @property
    def needs_message(self) -> bool:
        return self in {Sort.LARGEST, Sort.SMALLEST}


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in an order: a page begins behind it, or ends before it."""

    keys: tuple[int, ...]
    """Times in microseconds."""
    id: uuid.UUID

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.keys))}.{self.id.hex}"


def place_of(delivery: Delivery, sort: Sort) -> Place:
    """Return where a delivery stands; its message must be loaded."""
    if sort in {Sort.ENDING, Sort.LASTING}:
        return Place((_number(delivery.expires_at),), delivery.id)
    received = _number(delivery.received_at)
    if sort is Sort.UNREAD:
        return Place((int(is_unread(delivery)), received), delivery.id)
    if sort.needs_message:
        return Place((delivery.message.size, received), delivery.id)
    return Place((received,), delivery.id)


def read_place(text: str, sort: Sort) -> Place | None:
    """Read what `str` wrote; None where it is no place in this order."""
    numbers, _, row = text[:PLACE_CHARACTERS].rpartition(".")
    words = numbers.split("-")
    is_id = len(row) == 32 and set(row) <= set("0123456789abcdef")
    if not is_id or len(words) != len(_keys(sort)) or not all(word.isascii() and word.isdigit() for word in words):
        return None
    keys = tuple(int(word) for word in words)
    try:
        _values(sort, keys)
    except OverflowError:
        return None
    return Place(keys, uuid.UUID(row)) if max(keys) <= LARGEST_NUMBER else None


def is_unread(delivery: Delivery) -> bool:
    """Say what `IS_UNREAD` says, of a row in hand."""
    return delivery.read_at is None if delivery.marked_read is None else not delivery.marked_read


def in_order(sort: Sort, *, is_reversed: bool = False) -> list[UnaryExpression[Any]]:
    columns = [*_keys(sort), Delivery.id]
    return [one.desc() if sort.is_descending != is_reversed else one.asc() for one in columns]


def is_behind(sort: Sort, place: Place) -> ColumnElement[bool]:
    """Return the condition of standing behind a place."""
    row, bound = _rows(sort, place)
    return row < bound if sort.is_descending else row > bound


def is_ahead(sort: Sort, place: Place) -> ColumnElement[bool]:
    """Return the condition of standing before a place."""
    row, bound = _rows(sort, place)
    return row > bound if sort.is_descending else row < bound


def _rows(sort: Sort, place: Place) -> tuple[Tuple, Tuple]:
    columns = [*_keys(sort), Delivery.id]
    values = [*_values(sort, place.keys), place.id]
    bound = tuple_(*(literal(value, column.type) for value, column in zip(values, columns, strict=True)))
    return tuple_(*columns), bound


def _keys(sort: Sort) -> tuple[Any, ...]:
    if sort in {Sort.ENDING, Sort.LASTING}:
        return (Delivery.expires_at,)
    if sort is Sort.UNREAD:
        return (case((IS_UNREAD, 1), else_=0), Delivery.received_at)
    if sort.needs_message:
        return (Message.size, Delivery.received_at)
    return (Delivery.received_at,)


def _values(sort: Sort, keys: tuple[int, ...]) -> list[int | datetime]:
    """Return the keys as their columns take them: the last is a time. Raises OverflowError."""
    del sort
    return [*keys[:-1], EPOCH + keys[-1] * MICROSECOND]


def _number(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
