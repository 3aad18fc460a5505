"""A reader's own folders: names sealed and unique, a bound on their number, and what moves where."""

import uuid

import pytest
from sqlalchemy import select

from service.blobs import Blobs
from service.core.states import Folder
from service.db.engine import Database
from service.db.tables import Delivery, OwnFolder, Recipient
from service.errors import Refused
from service.mailbox.deliveries import count_all, list_folder
from service.mailbox.filing import Act, file_messages
from service.mailbox.own_folders import (
    FOLDERS_MOST,
    BadName,
    NameTaken,
    TooManyFolders,
    add_folder,
    count_moved,
    delete_folder,
    list_own,
    move_messages,
    rename_folder,
    tidy_name,
)
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, SealedMail, a_recipient, a_sealed_mail, key_of

Rings = dict[str, KeyRing]


@pytest.fixture
async def mail(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> SealedMail:
    return await a_sealed_mail(db, rings, blobs, to=(BOB, CAROL), now=clock.now)


@pytest.fixture
async def bob(db: Database, rings: Rings, clock: Clock) -> Recipient:
    return await a_recipient(db, rings, BOB, clock.now)


@pytest.fixture
async def housing(db: Database, rings: Rings, bob: Recipient, clock: Clock) -> uuid.UUID:
    async with db.writing() as session:
        return await add_folder(session, rings["portal"], bob.id, "  Housing \t papers ", clock.now)


async def test_names_are_sealed_and_come_back_in_order(
    db: Database, rings: Rings, bob: Recipient, housing: uuid.UUID, clock: Clock
) -> None:
    async with db.writing() as session:
        await add_folder(session, rings["portal"], bob.id, "área", clock.now)
        await add_folder(session, rings["portal"], bob.id, "Benefits", clock.now)
    key = await key_of(rings, bob)
    async with db.reading() as session:
        named = await list_own(session, key, bob.id, (await count_all(session, bob.id, clock.now)).own)
        rows = (await session.scalars(select(OwnFolder))).all()
    assert [one.name for one in named] == ["Benefits", "Housing papers", "área"]
    assert named[1].id == housing
    for row in rows:
        assert b"Housing" not in row.name
        assert b"ousing" not in row.name_index


@pytest.mark.parametrize("name", ["", "  ", "\n\t", "x" * 61, "\u0000"])
async def test_a_name_has_one_to_sixty_characters(name: str) -> None:
    with pytest.raises(BadName):
        tidy_name(name)
    assert tidy_name("x" * 60) == "x" * 60


async def test_a_name_stands_once_without_regard_to_case(
    db: Database, rings: Rings, bob: Recipient, housing: uuid.UUID, clock: Clock
) -> None:
    ring = rings["portal"]
    carol = await a_recipient(db, rings, CAROL, clock.now)
    for name in ("housing papers", "HOUSING PAPERS", "Housing\u00a0papers"):
        with pytest.raises(NameTaken):
            async with db.writing() as session:
                await add_folder(session, ring, bob.id, name, clock.now)
    async with db.writing() as session:
        await add_folder(session, ring, carol.id, "Housing papers", clock.now)
        other = await add_folder(session, ring, bob.id, "Other", clock.now)
        assert await rename_folder(session, ring, bob.id, housing, "HOUSING papers")
    with pytest.raises(NameTaken):
        async with db.writing() as session:
            await rename_folder(session, ring, bob.id, other, "housing PAPERS")


async def test_two_hundred_are_the_most(db: Database, rings: Rings, bob: Recipient, clock: Clock) -> None:
    async with db.writing() as session:
        for number in range(FOLDERS_MOST):
            await add_folder(session, rings["portal"], bob.id, f"Folder {number}", clock.now)
        with pytest.raises(TooManyFolders):
            await add_folder(session, rings["portal"], bob.id, "One more", clock.now)


async def test_what_is_moved_lies_there_and_nowhere_else(
    db: Database, rings: Rings, mail: SealedMail, bob: Recipient, housing: uuid.UUID, clock: Clock
) -> None:
    own = mail.deliveries[BOB]
    key = await key_of(rings, bob)
    async with db.writing() as session:
        assert await move_messages(session, bob.id, list(mail.deliveries.values()), housing, clock.now) == [own]
        assert await move_messages(session, bob.id, [own], housing, clock.now) == []
        assert await count_moved(session, bob.id, [own], housing, clock.now) == 1
        assert (await list_folder(session, bob.id, Folder.INBOX, clock.now)).deliveries == []
        assert [
            one.id for one in (await list_folder(session, bob.id, Folder.INBOX, clock.now, own=housing)).deliveries
        ] == [own]
        assert (await count_all(session, bob.id, clock.now)).folders[Folder.INBOX].total == 0
        [named] = await list_own(session, key, bob.id, (await count_all(session, bob.id, clock.now)).own)
        assert (named.count.total, named.count.unread) == (1, 1)
        # Deleted and back again: into the same folder
        await file_messages(session, bob.id, [own], Act.DELETE, clock.now)
        assert (await list_folder(session, bob.id, Folder.INBOX, clock.now, own=housing)).deliveries == []
        assert (await count_all(session, bob.id, clock.now)).folders[Folder.DELETED].total == 1
        assert await move_messages(session, bob.id, [own], None, clock.now) == []
        await file_messages(session, bob.id, [own], Act.RESTORE, clock.now)
        assert len((await list_folder(session, bob.id, Folder.INBOX, clock.now, own=housing)).deliveries) == 1
        assert await move_messages(session, bob.id, [own], None, clock.now) == [own]
        assert len((await list_folder(session, bob.id, Folder.INBOX, clock.now)).deliveries) == 1


async def test_a_deleted_folder_loses_nothing(
    db: Database, mail: SealedMail, bob: Recipient, housing: uuid.UUID, clock: Clock
) -> None:
    own = mail.deliveries[BOB]
    async with db.writing() as session:
        await move_messages(session, bob.id, [own], housing, clock.now)
        assert await delete_folder(session, bob.id, housing)
        assert not await delete_folder(session, bob.id, housing)
    async with db.reading() as session:
        delivery = await session.get(Delivery, own)
        assert delivery is not None
        assert (delivery.folder, delivery.own_folder_id) == (Folder.INBOX, None)


async def test_folders_of_others_are_not_there(
    db: Database, rings: Rings, mail: SealedMail, housing: uuid.UUID, clock: Clock
) -> None:
    carol = await a_recipient(db, rings, CAROL, clock.now)
    async with db.writing() as session:
        assert await move_messages(session, carol.id, [mail.deliveries[CAROL]], housing, clock.now) is None
        assert not await rename_folder(session, rings["portal"], carol.id, housing, "Mine")
        assert not await delete_folder(session, carol.id, housing)
        assert await list_own(session, await key_of(rings, carol), carol.id, {}) == []


async def test_who_closed_their_account_makes_no_folder(
    db: Database, rings: Rings, bob: Recipient, clock: Clock
) -> None:
    async with db.writing() as session:
        (await session.get_one(Recipient, bob.id)).ended_at = clock.now
    async with db.writing() as session:
        with pytest.raises(Refused):
            await add_folder(session, rings["portal"], bob.id, "Late", clock.now)
