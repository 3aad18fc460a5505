"""Nothing outlives its date, in whatever moment the sweep is killed; nothing ends a second before."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.blobs import Blobs
from service.core.rules import Rules
from service.core.states import AccountState, Envelope, Folder, Letter, MessageKind, Outgoing
from service.db.engine import Database
from service.db.tables import (
    Account,
    AuditEntry,
    Blob,
    Code,
    Delivery,
    Device,
    Message,
    Model,
    Outbox,
    Rate,
    Recipient,
    Reset,
    Session,
)
from service.errors import Broken, TryAgain
from service.letters.opened import message_sheet
from service.letters.queue import queue_letter
from service.retention import sweep
from service.vault.ring import KeyRing
from service.vault.stream import context, new_data_key, seal
from tests.letters.builders import EXPIRES, ROSA, SENT, Post, a_sheet

SECOND = timedelta(seconds=1)
Rings = dict[str, KeyRing]


async def one_piece(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def a_message(
    db: Database,
    rings: Rings,
    blobs: Blobs,
    *,
    reference: str = "7K4M2QX9",
    read_at: datetime | None = SENT,
    **changes,
) -> uuid.UUID:
    """Store a message of two blobs, one delivery that was read, and a queued notice."""
    keys = [Blobs.new_key(), Blobs.new_key()]
    for key in keys:
        await blobs.put(key, one_piece(b"sealed"))
    async with db.writing() as session:
        post = Post(session, rings, blobs)
        message = await post.a_message(reference=reference, **changes)
        recipient = await post.a_recipient(f"{reference}@example.com")
        delivery = await post.a_delivery(message, recipient, token_hash=message.id.bytes * 2, read_at=read_at)
        session.add_all(
            Blob(message_id=message.id, name=name, key=key, sealed_bytes=6, created_at=SENT)
            for name, key in zip(("source", "file-1"), keys, strict=True)
        )
        await queue_letter(
            session,
            rings["sync"],
            Letter.NOTICE,
            f"notice/{delivery.id.hex}",
            SENT,
            payload={"token": "t"},
            message_id=message.id,
            delivery_id=delivery.id,
        )
    return message.id


async def count(db: Database, table: type[Model]) -> int:
    async with db.reading() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def stored(blobs: Blobs, now: datetime = EXPIRES + timedelta(days=9999)) -> list[str]:
    return [key async for keys in blobs.list_keys(now) for key in keys]


async def verbs(db: Database) -> list[str]:
    async with db.reading() as session:
        return list(await session.scalars(select(AuditEntry.verb).order_by(AuditEntry.seq)))


async def test_a_second_before_its_date_a_message_is_whole(db: Database, rings: Rings, blobs: Blobs):
    await a_message(db, rings, blobs)
    assert await sweep(db, rings["sync"], blobs, EXPIRES - SECOND) == 0
    assert [await count(db, table) for table in (Message, Delivery, Blob, Outbox)] == [1, 1, 2, 1]
    assert len(await stored(blobs)) == 2


async def test_at_its_date_nothing_of_a_message_is_left(db: Database, rings: Rings, blobs: Blobs):
    message_id = await a_message(db, rings, blobs)
    assert await sweep(db, rings["sync"], blobs, EXPIRES) == 1
    assert [await count(db, table) for table in (Message, Delivery, Blob, Outbox)] == [0, 0, 0, 0]
    assert await stored(blobs) == []
    assert await count(db, Recipient) == 1  # the person stays
    async with db.reading() as session:
        entries = (await session.scalars(select(AuditEntry).order_by(AuditEntry.seq))).all()
    assert [(entry.verb, entry.object_id) for entry in entries] == [
        ("message.expired", message_id.hex),
        ("message.deleted", message_id.hex),
    ]
    assert all(entry.at == EXPIRES and entry.actor == "retention" for entry in entries)
    assert entries[0].detail.startswith("sealed sheet sha256 ")


async def test_sweeping_again_changes_nothing(db: Database, rings: Rings, blobs: Blobs):
    await a_message(db, rings, blobs)
    await sweep(db, rings["sync"], blobs, EXPIRES)
    assert await sweep(db, rings["sync"], blobs, EXPIRES + SECOND) == 0
    assert await verbs(db) == ["message.expired", "message.deleted"]


async def test_others_messages_stay(db: Database, rings: Rings, blobs: Blobs):
    await a_message(db, rings, blobs)
    stays = await a_message(db, rings, blobs, reference="SECONDON", expires_at=EXPIRES + SECOND)
    assert await sweep(db, rings["sync"], blobs, EXPIRES) == 1
    async with db.reading() as session:
        assert list(await session.scalars(select(Message.id))) == [stays]
        assert list(await session.scalars(select(Blob.message_id))) == [stays, stays]
    assert len(await stored(blobs)) == 2


async def test_drafts_end_with_their_original(db: Database, rings: Rings, blobs: Blobs):
    async with db.writing() as session:
        post = Post(session, rings, blobs)
        draft = await post.a_message(kind=MessageKind.DRAFT, sheet_signature=None, keys_mailer=None, sender_box=None)
        await post.a_delivery(
            draft, await post.a_recipient(), envelope=Envelope.OWN, folder=Folder.DRAFTS, token_hash=None
        )
    assert await sweep(db, rings["sync"], blobs, EXPIRES) == 1
    assert await count(db, Delivery) == 0


async def a_sent_reply(db: Database, rings: Rings, blobs: Blobs) -> uuid.UUID:
    async with db.writing() as session:
        post = Post(session, rings, blobs)
        writer = await post.a_recipient()
        reply = await post.a_reply(a_sheet(sender=ROSA), "here it is", [b"file"])
        await post.a_delivery(reply, writer, envelope=Envelope.OWN, folder=Folder.SENT, token_hash=None)
        await queue_letter(session, rings["portal"], Letter.REPLY, f"reply/{reply.id.hex}", SENT, message_id=reply.id)
    return reply.id


async def test_a_reply_that_is_not_sent_yet_reaches_staff_after_its_date(db: Database, rings: Rings, blobs: Blobs):
    reply_id = await a_sent_reply(db, rings, blobs)
    assert await sweep(db, rings["sync"], blobs, EXPIRES) == 0
    assert await count(db, Delivery) == 0  # its writer does not see it any more
    async with db.reading() as session:
        reply = await session.get_one(Message, reply_id)
        assert message_sheet(rings["sync"], reply).sender == ROSA
    assert len(await stored(blobs)) == 2
    async with db.writing() as session:
        await session.execute(update(Outbox).values(state=Outgoing.SENT, done_at=EXPIRES))
    assert await sweep(db, rings["sync"], blobs, EXPIRES + SECOND) == 1
    assert await stored(blobs) == []


async def test_a_letter_under_way_keeps_its_row_so_that_its_copy_is_still_deleted(
    db: Database, rings: Rings, blobs: Blobs
):
    await a_message(db, rings, blobs)
    async with db.writing() as session:
        await session.execute(update(Outbox).values(state=Outgoing.SENT, done_at=EXPIRES))
    await sweep(db, rings["sync"], blobs, EXPIRES)
    async with db.reading() as session:
        row = (await session.scalars(select(Outbox))).one()
        assert row.payload is None
    await sweep(db, rings["sync"], blobs, EXPIRES + timedelta(days=30))
    assert await count(db, Outbox) == 0


class Killed(BaseException):
    """The process ends here."""


class DyingBlobs(Blobs):
    """A store whose process is killed before its n-th deletion."""

    lives = 0

    async def delete(self, key: str) -> None:
        if self.lives == 0:
            raise Killed
        self.lives -= 1
        await super().delete(key)


class DyingDatabase(Database):
    """A database whose process is killed before its n-th commit."""

    lives = 0

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        async with super().writing() as session:
            yield session
            if self.lives == 0:
                raise Killed
            self.lives -= 1


async def nothing_opens(db: Database, rings: Rings, message_id: uuid.UUID) -> bool:
    async with db.reading() as session:
        message = await session.get(Message, message_id)
        if (await session.scalars(select(Delivery))).all():
            return False
        if message is None or message.keys_mailer is None:
            return True
        message_sheet(rings["sync"], message)
        return False


@pytest.mark.parametrize("lives", range(5))
async def test_killed_between_commits_the_next_sweep_ends_it(
    database_url: str, db: Database, rings: Rings, blobs: Blobs, lives: int
):
    message_id = await a_message(db, rings, blobs)
    dying = DyingDatabase(database_url)
    dying.lives = lives
    try:
        await sweep(dying, rings["sync"], blobs, EXPIRES)
    except Killed:
        left = await stored(blobs)
        assert len(left) in {0, 2}
        assert await nothing_opens(db, rings, message_id) or lives == 0
        if len(left) < 2:
            assert await nothing_opens(db, rings, message_id)  # keys go before blobs
    else:
        assert lives == 4
    await dying.close()
    await sweep(db, rings["sync"], blobs, EXPIRES)
    assert [await count(db, table) for table in (Message, Delivery, Blob, Outbox)] == [0, 0, 0, 0]
    assert await stored(blobs) == []
    assert await verbs(db) == ["message.expired", "message.deleted"]


@pytest.mark.parametrize("lives", range(2))
async def test_killed_between_blobs_the_next_sweep_ends_it(
    db: Database, rings: Rings, blobs: Blobs, tmp_path: Path, lives: int
):
    message_id = await a_message(db, rings, blobs)
    dying = DyingBlobs(f"file://{tmp_path / 'blobs'}")
    dying.lives = lives
    with pytest.raises(Killed):
        await sweep(db, rings["sync"], dying, EXPIRES)
    assert len(await stored(blobs)) == 2 - lives
    assert await nothing_opens(db, rings, message_id)
    assert await sweep(db, rings["sync"], blobs, EXPIRES) == 1
    assert await stored(blobs) == []


class SilentBlobs(Blobs):
    """A store that does not answer for one key."""

    silent = ""

    async def delete(self, key: str) -> None:
        if key == self.silent:
            raise TryAgain
        await super().delete(key)


async def test_one_blob_that_cannot_be_deleted_holds_up_no_other(
    db: Database, rings: Rings, blobs: Blobs, tmp_path: Path
):
    first = await a_message(db, rings, blobs)
    await a_message(db, rings, blobs, reference="SECONDON")
    silent = SilentBlobs(f"file://{tmp_path / 'blobs'}")
    async with db.reading() as session:
        key = await session.scalar(select(Blob.key).where(Blob.message_id == first, Blob.name == "source"))
    silent.silent = str(key)
    with pytest.raises(TryAgain):
        await sweep(db, rings["sync"], silent, EXPIRES)
    async with db.reading() as session:
        assert list(await session.scalars(select(Message.id))) == [first]
    assert await nothing_opens(db, rings, first)
    assert await sweep(db, rings["sync"], blobs, EXPIRES) == 1


async def test_more_than_a_batch_ends_in_one_sweep(sqlite_url: str, rings: Rings, blobs: Blobs):
    db = Database(sqlite_url)
    async with db.writing() as session:
        for number in range(230):
            row_id, key = uuid.uuid4(), new_data_key()
            session.add(
                Message(
                    id=row_id,
                    kind=MessageKind.DRAFT,
                    reference=f"{number:08}",
                    received_at=SENT,
                    expires_at=EXPIRES,
                    size=0,
                    sheet=seal(key, context(row_id.hex, "sheet"), b"x"),
                    excerpt=b"x",
                )
            )
    assert await sweep(db, rings["sync"], blobs, EXPIRES) == 230
    await db.close()


async def test_sessions_codes_and_known_devices_end(db: Database, rings: Rings, blobs: Blobs):
    async with db.writing() as session:
        post = Post(session, rings, blobs)
        recipient = await post.a_recipient(account="en")
        delivery = await post.a_delivery(await post.a_message(expires_at=EXPIRES), recipient)
        for number, (created, seen) in enumerate(
            [
                (timedelta(minutes=20), timedelta(minutes=15)),  # idle
                (timedelta(hours=8), timedelta(0)),  # too long
                (timedelta(hours=8) - SECOND, timedelta(minutes=15) - SECOND),  # lives
            ]
        ):
            session.add(
                Session(
                    token_hash=bytes([number]), account_id=recipient.id, created_at=SENT - created, seen_at=SENT - seen
                )
            )
        for number, ended in enumerate([timedelta(days=1), timedelta(days=1) - SECOND]):
            session.add(
                Code(
                    flow_hash=bytes([number]),
                    recipient_id=recipient.id,
                    delivery_id=delivery.id,
                    code=b"",
                    created_at=SENT,
                    sent_at=SENT,
                    expires_at=SENT - ended,
                )
            )
        for number, seen in enumerate([timedelta(days=90), timedelta(days=90) - SECOND]):
            device = Device(token_hash=bytes([number]), account_id=recipient.id, created_at=SENT, seen_at=SENT - seen)
            session.add(device)
        session.add(Reset(account_id=recipient.id, token_hash=b"1", created_at=SENT, expires_at=SENT))
        session.add_all([Rate(key=b"1", tat=SENT.timestamp() - 1), Rate(key=b"2", tat=SENT.timestamp() + 1)])
    await sweep(db, rings["sync"], blobs, SENT)
    async with db.reading() as session:
        assert list(await session.scalars(select(Session.token_hash))) == [b"\2"]
        assert list(await session.scalars(select(Code.flow_hash))) == [b"\1"]
        assert list(await session.scalars(select(Device.token_hash))) == [b"\1"]
        assert list(await session.scalars(select(Reset.token_hash))) == []
        assert list(await session.scalars(select(Rate.key))) == [b"2"]
        assert (await session.scalars(select(Account.state))).one() is AccountState.ACTIVE


async def test_sessions_end_by_the_rules_that_are_set(db: Database, rings: Rings, blobs: Blobs):
    rules = Rules(session_idle=timedelta(hours=1), session_longest=timedelta(hours=12))
    ages = [
        (timedelta(hours=2), timedelta(hours=1)),  # idle
        (timedelta(hours=2), timedelta(hours=1) - SECOND),  # lives
        (timedelta(hours=12), timedelta()),  # too long
        (timedelta(hours=12) - SECOND, timedelta()),  # lives
    ]
    async with db.writing() as session:
        recipient = await Post(session, rings, blobs).a_recipient(account="en")
        for number, (created, seen) in enumerate(ages):
            row = Session(token_hash=bytes([number]), account_id=recipient.id)
            row.created_at, row.seen_at = SENT - created, SENT - seen
            session.add(row)
    await sweep(db, rings["sync"], blobs, SENT, rules)
    async with db.reading() as session:
        assert set(await session.scalars(select(Session.token_hash))) == {b"\1", b"\3"}


def made_older(folder: Path, by: timedelta) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            at = path.stat().st_mtime - by.total_seconds()
            os.utime(path, (at, at))


async def test_blobs_that_no_row_names_go_after_a_day(db: Database, rings: Rings, blobs: Blobs, tmp_path: Path):
    await a_message(db, rings, blobs)
    named = set(await stored(blobs))
    orphan = Blobs.new_key()
    await blobs.put(orphan, one_piece(b"sealed, and its process was killed"))
    leftover = tmp_path / "blobs" / (orphan + "#1")
    leftover.write_bytes(b"sealed half")
    real_now = datetime.fromtimestamp((tmp_path / "blobs" / orphan).stat().st_mtime, tz=SENT.tzinfo)
    async with db.writing() as session:  # the file system's clock is not ours to set
        await session.execute(update(Message).values(expires_at=real_now + timedelta(days=30)))
    await sweep(db, rings["sync"], blobs, real_now + timedelta(days=1) - SECOND)
    assert set(await stored(blobs)) == {*named, orphan}
    await sweep(db, rings["sync"], blobs, real_now + timedelta(days=1) + SECOND)
    assert set(await stored(blobs)) == named
    assert not leftover.exists()


async def test_nothing_but_ids_and_digests_stands_in_the_log(db: Database, rings: Rings, blobs: Blobs):
    await a_message(db, rings, blobs)
    await sweep(db, rings["sync"], blobs, EXPIRES)
    async with db.reading() as session:
        text = repr(
            (
                await session.execute(
                    select(AuditEntry.actor, AuditEntry.verb, AuditEntry.object_id, AuditEntry.detail)
                )
            ).all()
        )
    for secret in ("example.com", "benefits", "Maria", "ct.gov"):
        assert secret not in text


async def test_an_ended_message_is_broken_for_letters_not_empty(db: Database, rings: Rings, blobs: Blobs):
    message_id = await a_message(db, rings, blobs)
    dying = DyingBlobs("memory:")
    with pytest.raises(Killed):
        await sweep(db, rings["sync"], dying, EXPIRES)
    async with db.reading() as session:
        message = await session.get_one(Message, message_id)
        with pytest.raises(Broken):
            message_sheet(rings["sync"], message)
