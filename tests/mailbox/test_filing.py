"""Marking, deleting and moving back: only one's own, only what lives, and nothing is destroyed."""

from datetime import timedelta

import pytest

from service.blobs import Blobs
from service.core.states import Folder
from service.db.engine import Database
from service.db.tables import Delivery
from service.mailbox.deliveries import Show, count_all, list_folder, mark_read
from service.mailbox.filing import FILED_MOST, Act, count_filed, file_messages
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, SealedMail, a_recipient, a_sealed_mail

Rings = dict[str, KeyRing]


@pytest.fixture
async def mail(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> SealedMail:
    return await a_sealed_mail(db, rings, blobs, to=(BOB, CAROL), now=clock.now)


async def test_each_act_changes_once_and_its_opposite_takes_it_back(
    db: Database, rings: Rings, mail: SealedMail, clock: Clock
) -> None:
    bob = await a_recipient(db, rings, BOB, clock.now)
    ids = list(mail.deliveries.values())  # Carol's among them
    own = mail.deliveries[BOB]
    for act in (Act.READ, Act.DELETE):
        for step in (act, act.opposite):
            async with db.writing() as session:
                assert await file_messages(session, bob.id, ids, step, clock.now) == [own]
                assert await file_messages(session, bob.id, ids, step, clock.now) == []
                assert await count_filed(session, bob.id, ids, step, clock.now) == 1
                assert await count_filed(session, bob.id, ids, step.opposite, clock.now) == 0
    async with db.reading() as session:
        for delivery_id in ids:
            delivery = await session.get(Delivery, delivery_id)
            assert delivery is not None
            assert delivery.folder is Folder.INBOX
            assert delivery.read_at is None


async def test_what_is_over_is_passed_over(db: Database, rings: Rings, mail: SealedMail, clock: Clock) -> None:
    bob = await a_recipient(db, rings, BOB, clock.now)
    async with db.writing() as session:
        late = clock.now + timedelta(days=30)
        for act in Act:
            assert await file_messages(session, bob.id, [mail.deliveries[BOB]], act, late) == []
            assert await count_filed(session, bob.id, [mail.deliveries[BOB]], act, late) == 0
        delivery = await session.get(Delivery, mail.deliveries[BOB])
        assert delivery is not None
        delivery.revoked_at = clock.now
        await session.flush()
        assert await file_messages(session, bob.id, [delivery.id], Act.DELETE, clock.now) == []


async def test_marks_do_not_touch_when_it_was_first_read(
    db: Database, rings: Rings, mail: SealedMail, clock: Clock
) -> None:
    bob = await a_recipient(db, rings, BOB, clock.now)
    own = mail.deliveries[BOB]

    async def unread() -> int:
        async with db.reading() as session:
            listed = await list_folder(session, bob.id, Folder.INBOX, clock.now, show=Show.UNREAD)
            counted = (await count_all(session, bob.id, clock.now)).folders[Folder.INBOX].unread
        assert len(listed.deliveries) == counted
        return counted

    async def shown() -> bool:
        async with db.writing() as session:
            [delivery] = (await list_folder(session, bob.id, Folder.INBOX, clock.now)).deliveries
            return await mark_read(session, rings["portal"], delivery, clock.now, is_automatic=False)

    async with db.writing() as session:
        await file_messages(session, bob.id, [own], Act.READ, clock.now)
    assert await unread() == 0
    first = clock.now
    assert await shown()
    clock.advance(timedelta(hours=1))
    async with db.writing() as session:
        await file_messages(session, bob.id, [own], Act.UNREAD, clock.now)
    assert await unread() == 1
    assert not await shown()
    assert await unread() == 0
    async with db.reading() as session:
        delivery = await session.get(Delivery, own)
    assert delivery is not None
    assert delivery.read_at == first


async def test_one_press_does_so_many_at_most(db: Database, rings: Rings, mail: SealedMail, clock: Clock) -> None:
    bob = await a_recipient(db, rings, BOB, clock.now)
    own = mail.deliveries[BOB]
    async with db.writing() as session:
        ids = [mail.deliveries[CAROL]] * FILED_MOST
        assert await file_messages(session, bob.id, [*ids, own], Act.DELETE, clock.now) == []
        assert await file_messages(session, bob.id, [*ids[1:], own], Act.DELETE, clock.now) == [own]
