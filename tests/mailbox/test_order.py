"""Pages of a list in each order: every row once, forwards and backwards, whatever goes meanwhile."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from service.blobs import Blobs
from service.core.states import Folder
from service.db.engine import Database
from service.db.tables import Delivery, Message, Recipient
from service.mailbox.deliveries import Listed, Show, count_ahead, list_folder, list_last
from service.mailbox.order import Place, Sort, place_of, read_place
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, a_recipient, a_sealed_mail

Rings = dict[str, KeyRing]
ROWS = 11


@pytest.fixture
async def bob(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> Recipient:
    """Eleven messages, in every key some alike, and one of another reader's."""
    begun = clock.now
    for number in range(ROWS):
        mail = await a_sealed_mail(db, rings, blobs, now=begun + timedelta(minutes=number // 3))
        async with db.writing() as session:
            one = update(Delivery).where(Delivery.message_id == mail.message_id)
            ends = begun + timedelta(days=1 + number % 2)
            await session.execute(one.values(expires_at=ends, read_at=begun if number % 3 else None))
            await session.execute(update(Message).where(Message.id == mail.message_id).values(size=number % 2))
    await a_sealed_mail(db, rings, blobs, to=(CAROL,), now=begun)
    clock.advance(timedelta(hours=1))
    return await a_recipient(db, rings, BOB, begun)


def key(row: Delivery, sort: Sort) -> tuple[tuple[int, ...], str]:
    place = place_of(row, sort)
    return place.keys, place.id.hex


async def pages(
    db: Database, bob: Recipient, clock: Clock, sort: Sort, start: Listed | None = None
) -> list[list[Delivery]]:
    found = [list(start.deliveries)] if start else []
    after = start.last if start else None
    async with db.reading() as session:
        while True:
            page = await list_folder(session, bob.id, Folder.INBOX, clock.now, sort=sort, after=after, limit=3)
            found.append(list(page.deliveries))
            after = page.last
            if not page.has_more:
                return found


@pytest.mark.parametrize("sort", Sort)
async def test_each_row_stands_on_one_page_and_in_order(db: Database, bob: Recipient, clock: Clock, sort: Sort) -> None:
    found = await pages(db, bob, clock, sort)
    rows = [row for page in found for row in page]
    assert [len(page) for page in found] == [3, 3, 3, 2]
    assert len({row.id for row in rows}) == ROWS
    keys = [key(row, sort) for row in rows]
    assert keys == sorted(keys, reverse=sort.is_descending)


@pytest.mark.parametrize("sort", Sort)
async def test_the_way_back_shows_the_same_pages(db: Database, bob: Recipient, clock: Clock, sort: Sort) -> None:
    found = await pages(db, bob, clock, sort)
    async with db.reading() as session:
        for number in (2, 1):
            before = place_of(found[number][0], sort)
            page = await list_folder(session, bob.id, Folder.INBOX, clock.now, sort=sort, before=before, limit=3)
            assert [row.id for row in page.deliveries] == [row.id for row in found[number - 1]]
            assert page.has_before is (number == 2)
            ahead = await count_ahead(session, bob.id, Folder.INBOX, clock.now, before, sort=sort)
            assert ahead == (3 * number, ROWS)


@pytest.mark.parametrize("sort", Sort)
async def test_what_goes_between_two_pages_moves_no_other_row(
    db: Database, bob: Recipient, clock: Clock, sort: Sort
) -> None:
    found = await pages(db, bob, clock, sort)
    first, second = found[0], found[1]
    gone = [first[-1], second[0]]  # the row that the next page is counted from is one of them
    async with db.writing() as session:
        for row in gone:
            await session.execute(update(Delivery).where(Delivery.id == row.id).values(folder=Folder.DELETED))
    async with db.reading() as session:
        after = place_of(first[-1], sort)
        page = await list_folder(session, bob.id, Folder.INBOX, clock.now, sort=sort, after=after, limit=3)
    assert [row.id for row in page.deliveries] == [row.id for row in [*second[1:], found[2][0]]]


async def test_the_last_page_is_found_from_behind(db: Database, bob: Recipient, clock: Clock) -> None:
    found = await pages(db, bob, clock, Sort.ENDING)
    async with db.reading() as session:
        last = await list_last(session, bob.id, Folder.INBOX, clock.now, sort=Sort.ENDING, limit=3)
    assert [row.id for row in last.deliveries] == [row.id for row in [*found[2][2:], *found[3]]]
    assert (last.has_more, last.has_before) == (False, True)


async def test_a_filter_holds_in_every_order(db: Database, bob: Recipient, clock: Clock) -> None:
    async with db.reading() as session:
        for sort in Sort:
            page = await list_folder(session, bob.id, Folder.INBOX, clock.now, sort=sort, show=Show.UNREAD, limit=50)
            assert len(page.deliveries) == 4
            assert page.first is not None
            ahead = await count_ahead(session, bob.id, Folder.INBOX, clock.now, page.first, sort=sort, show=Show.UNREAD)
            assert ahead == (0, 4)
            none = await list_folder(session, bob.id, Folder.INBOX, clock.now, sort=sort, show=Show.FILES)
            assert none.deliveries == []


async def test_expired_rows_are_on_no_page(db: Database, bob: Recipient, clock: Clock) -> None:
    clock.advance(timedelta(days=1) - timedelta(hours=1))
    async with db.reading() as session:
        for sort in Sort:
            page = await list_folder(session, bob.id, Folder.INBOX, clock.now, sort=sort, limit=50)
            assert len(page.deliveries) == ROWS // 2
    async with db.reading() as session:
        assert len((await session.scalars(select(Delivery))).all()) == ROWS + 1


@pytest.mark.parametrize("sort", Sort)
def test_a_place_is_read_as_it_was_written(sort: Sort) -> None:
    keys = (1, 1_764_000_000_123_456) if sort.needs_message or sort is Sort.UNREAD else (1_764_000_000_123_456,)
    place = Place(keys, uuid.uuid4())
    assert read_place(str(place), sort) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "x",
        f"1.{'g' * 32}",
        f"1.{'0' * 31}",
        f"-1.{'0' * 32}",
        f"1-2-3.{'0' * 32}",
        f"9{'0' * 30}.{'0' * 32}",
        f"9223372036854775808-1.{'0' * 32}",
        f"\u0661.{'0' * 32}",
        "nan." + "0" * 32,
    ],
)
def test_what_we_did_not_write_is_no_place(text: str) -> None:
    assert [read_place(text, sort) for sort in Sort] == [None] * len(Sort)
