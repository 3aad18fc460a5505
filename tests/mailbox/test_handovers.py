"""How far a reply is with each addressee: rows that name nobody, words that say what to do."""

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, update

from service.blobs import Blobs
from service.core.sheet import Person, Sheet
from service.core.states import HandedOver, Letter
from service.db.engine import Database
from service.db.tables import Blob, Handover, Message, Outbox
from service.mailbox.addressees import each_once
from service.mailbox.handovers import Trouble, find_stuck, list_reached, trouble_of
from service.recipients import address_index
from tests.conftest import Clock
from tests.mailbox.test_drafts import Desk, Rings

ALICE, DAVE = Person("Alice Example", "alice@ct.gov"), Person("", "dave@ct.gov")


@pytest.fixture
async def desk(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> Desk:
    return await Desk(db, rings, blobs, clock).sit_down(rings)


def sheet(*people: Person) -> Sheet:
    return Sheet("Hello", Person("", "bob@example.com"), datetime(2026, 11, 24, tzinfo=UTC), to=people)


async def test_each_addressee_waits_from_the_moment_it_is_queued(desk: Desk) -> None:
    draft = desk.begin()
    await desk.keep(draft, "Thanks", sends=True)
    async with desk.db.reading() as session:
        [row] = await session.scalars(select(Handover))
        [letter] = await session.scalars(select(Outbox).where(Outbox.letter == Letter.REPLY))
        reached = await list_reached(session, desk.ring, draft.message_id, draft.sheet)
    assert row.message_id == draft.message_id == letter.message_id
    assert row.address_index == address_index(desk.ring, "ALICE@ct.gov")
    assert [(one.person, one.state, one.trouble) for one in reached] == [
        (Person("", "alice@ct.gov"), HandedOver.WAITING, None)
    ]


async def test_what_came_back_is_found_by_its_address(desk: Desk) -> None:
    draft = desk.begin()
    await desk.keep(draft, "Thanks", sends=True)
    async with desk.db.writing() as session:
        await session.execute(update(Handover).values(state=HandedOver.RETURNED, reason="5.2.2"))
    async with desk.db.reading() as session:
        [one] = await list_reached(session, desk.ring, draft.message_id, sheet(ALICE, DAVE))
        assert await find_stuck(session, [draft.message_id, uuid.uuid4()]) == {draft.message_id}
        assert await find_stuck(session, []) == set()
    assert (one.person, one.trouble) == (ALICE, Trouble.FULL)


async def test_rows_go_with_their_message(desk: Desk) -> None:
    draft = desk.begin()
    await desk.keep(draft, "Thanks", sends=True)
    async with desk.db.writing() as session:
        await session.execute(delete(Blob).where(Blob.message_id == draft.message_id))
        await session.execute(delete(Message).where(Message.id == draft.message_id))
        assert (await session.scalars(select(Handover))).all() == []


@pytest.mark.parametrize(
    ("reason", "trouble"),
    [
        ("5.1.1", Trouble.NO_MAILBOX),
        ("5.1.10", Trouble.NO_MAILBOX),
        ("5.2.1", Trouble.NO_MAILBOX),
        ("5.2.2", Trouble.FULL),
        ("5.2.3", Trouble.TOO_BIG),
        ("5.3.4", Trouble.TOO_BIG),
        ("5.7.1", Trouble.REFUSED),
        ("5.7.133", Trouble.REFUSED),
        ("5.4.4", Trouble.OTHER),
        ("", Trouble.OTHER),
    ],
)
def test_a_status_code_comes_to_what_one_can_do(reason: str, trouble: Trouble) -> None:
    assert trouble_of(reason) is trouble


def test_one_address_written_twice_is_one_addressee() -> None:
    assert len(each_once((ALICE, Person("", "Alice@CT.gov")))) == 1
