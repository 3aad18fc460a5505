"""Closing an account: what it could read opens for nobody, what names its owner goes, what staff wait for arrives."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from service.accounts.closing import Farewell, close_account, farewell_to
from service.accounts.preferring import set_signature
from service.accounts.sessions import find_session
from service.core.browsers import Browser
from service.core.rules import AS_SHIPPED
from service.core.states import Bcc, Lane, Letter, Outgoing
from service.db.outbox import change_outbox, claim_outbox
from service.db.tables import (
    Account,
    AuditEntry,
    Blob,
    Code,
    Delivery,
    Device,
    Message,
    Outbox,
    OwnFolder,
    Recipient,
    Session,
)
from service.errors import SealBroken
from service.letters.queue import open_payload, queue_letter
from service.mailbox.deliveries import get_delivery, mark_read
from service.mailbox.own_folders import add_folder
from service.recipients import get_by_address, unlock
from service.retention import sweep
from tests.accounts.conftest import World
from tests.mailbox.builders import BOB, CAROL, a_sealed_mail

FAREWELL = Farewell(BOB, "es", Browser("Firefox", "Windows"))


async def close(world: World, account_id: uuid.UUID, farewell: Farewell | None = FAREWELL) -> bool:
    async with world.db.writing() as session:
        return await close_account(session, world.ring, account_id, world.clock(), actor="portal", letter=farewell)


async def rows_of(world: World, table: type) -> int:
    async with world.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_nothing_that_names_the_owner_or_opens_their_mail_is_left(world: World) -> None:
    account_id = await world.register()
    other = await world.register(CAROL)
    async with world.db.writing() as session:
        await add_folder(session, world.ring, account_id, "Housing", world.clock())
        await set_signature(session, account_id, "Bob")
        before = await session.get(Recipient, account_id)
    assert before is not None
    assert await close(world, account_id)
    async with world.db.reading() as session:
        recipient = await session.get(Recipient, account_id)
        assert recipient is not None
        assert recipient.ended_at == world.clock()
        for column in ("private_wrapped", "public_key", "address_self", "address_admin", "address_mailer"):
            assert getattr(recipient, column) == b"", column
        for table in (Account, Session, Device, Delivery):
            owner = "id" if table is Account else "recipient_id" if table is Delivery else "account_id"
            kept = set(await session.scalars(select(getattr(table, owner))))
            assert kept == {other}, table
    assert await rows_of(world, OwnFolder) == 0
    assert await rows_of(world, Code) == 0
    with pytest.raises(SealBroken):
        await unlock(world.ring, recipient)


async def test_closing_twice_closes_once(world: World) -> None:
    account_id = await world.register()
    assert await close(world, account_id)
    assert not await close(world, account_id)
    async with world.db.reading() as session:
        entries = (await session.scalars(select(AuditEntry).where(AuditEntry.verb == "account.close"))).all()
    assert [(entry.actor, entry.object_id, entry.detail) for entry in entries] == [
        ("portal", account_id.hex, "1 messages")
    ]
    assert not await close(world, uuid.uuid4())


async def test_the_last_letter_knows_where_it_goes(world: World) -> None:
    account_id = await world.register()
    await close(world, account_id)
    async with world.db.reading() as session:
        row = (await session.scalars(select(Outbox).where(Outbox.letter == Letter.ACCOUNT))).one()
    told = open_payload(world.sync, row)
    assert (told["kind"], told["to"], told["language"], told["browser"]) == ("closed", BOB, "es", "Firefox")
    assert row.state is Outgoing.PENDING


async def test_who_holds_the_mailer_key_finds_the_address(world: World) -> None:
    account_id = await world.register()
    async with world.db.reading() as session:
        recipient, account = await session.get(Recipient, account_id), await session.get(Account, account_id)
    assert recipient is not None
    assert account is not None
    assert farewell_to(world.sync, recipient, account) == Farewell(BOB, "en")
    assert await close(world, account_id, None)
    async with world.db.reading() as session:
        assert (await session.scalars(select(Outbox).where(Outbox.letter == Letter.ACCOUNT))).all() == []


async def test_letters_to_the_owner_are_taken_back_and_those_to_staff_go_out(world: World) -> None:
    account_id = await world.register()
    delivery = await world.deliver()
    async with world.db.writing() as session:
        reader = await get_delivery(session, account_id, delivery.id, world.clock())
        assert reader is not None
        await mark_read(session, world.ring, reader, world.clock(), is_automatic=False)
        for letter in (Letter.NOTICE, Letter.REMINDER, Letter.REPLY):
            await queue_letter(
                session, world.ring, letter, f"{letter}/1", world.clock(), payload={"a": 1}, recipient_id=account_id
            )
    await close(world, account_id)
    async with world.db.reading() as session:
        rows = {row.letter: row for row in await session.scalars(select(Outbox))}
    assert {letter for letter, row in rows.items() if row.state is Outgoing.NOT_NEEDED} == {
        Letter.CODE,
        Letter.NOTICE,
        Letter.REMINDER,
    }
    assert rows[Letter.NOTICE].payload is None
    assert rows[Letter.NOTICE].done_at == world.clock()
    assert rows[Letter.REPLY].state is Outgoing.PENDING
    assert open_payload(world.sync, rows[Letter.RECEIPT_READ]) == {"read_at": world.clock().isoformat(), "reader": BOB}


async def test_a_letter_that_a_worker_holds_is_lost_to_it(world: World) -> None:
    account_id = await world.register()
    async with world.db.writing() as session:
        await queue_letter(
            session, world.sync, Letter.NOTICE, "notice/1", world.clock(), payload={"a": 1}, recipient_id=account_id
        )
    async with world.db.writing() as session:
        rows = await claim_outbox(session, Lane.NOTICES, "worker", world.clock(), timedelta(minutes=5), 9)
    await close(world, account_id)
    async with world.db.writing() as session:
        assert not await change_outbox(session, rows[0], state=Outgoing.DRAFTING)


async def test_what_nobody_holds_any_more_is_gone_after_the_next_sweep(world: World) -> None:
    account_id = await world.register()
    shared = await a_sealed_mail(world.db, world.rings, world.blobs, to=(BOB, CAROL), now=world.clock())
    assert (await rows_of(world, Message), await rows_of(world, Blob)) == (2, 2)
    async with world.db.reading() as session:
        keys = {blob.message_id: blob.key for blob in await session.scalars(select(Blob))}
    await close(world, account_id)
    await sweep(world.db, world.sync, world.blobs, world.clock())
    async with world.db.reading() as session:
        assert (await session.scalars(select(Message.id))).all() == [shared.message_id]
        assert (await session.scalars(select(Blob.key))).all() == [keys[shared.message_id]]
        [left] = (await session.scalars(select(Delivery))).all()
        assert left.id == shared.deliveries[CAROL]
    gone = next(key for message_id, key in keys.items() if message_id != shared.message_id)
    with pytest.raises(Exception, match="a blob is not in the store"):
        await world.blobs.reader(gone)(0, 1)
    assert await world.blobs.reader(keys[shared.message_id])(0, 1)


async def test_a_receipt_that_waits_holds_its_message_until_it_is_sent(world: World) -> None:
    account_id = await world.register()
    async with world.db.writing() as session:
        message_id = await session.scalar(select(Delivery.message_id))
        delivery_id = await session.scalar(select(Delivery.id))
        await queue_letter(
            session,
            world.ring,
            Letter.RECEIPT_READ,
            "read/1",
            world.clock(),
            payload={"read_at": world.clock().isoformat()},
            message_id=message_id,
            delivery_id=delivery_id,
            recipient_id=account_id,
        )
    await close(world, account_id)
    await sweep(world.db, world.sync, world.blobs, world.clock())
    assert await rows_of(world, Message) == 1
    async with world.db.writing() as session:
        await session.execute(
            update(Outbox)
            .where(Outbox.letter == Letter.RECEIPT_READ)
            .values(state=Outgoing.SENT, done_at=world.clock())
        )
    await sweep(world.db, world.sync, world.blobs, world.clock())
    assert await rows_of(world, Message) == 0


async def test_a_message_whose_blind_copies_are_looked_for_stays(world: World) -> None:
    account_id = await world.register()
    async with world.db.writing() as session:
        await session.execute(update(Message).values(bcc=Bcc.WAITING, late_key=b"key"))
    await close(world, account_id)
    await sweep(world.db, world.sync, world.blobs, world.clock())
    async with world.db.reading() as session:
        message = (await session.scalars(select(Message))).one()
    assert message.late_key == b"key"


async def test_no_second_copy_joins_a_message_that_nobody_holds(world: World) -> None:
    account_id = await world.register()
    async with world.db.writing() as session:
        await session.execute(update(Message).values(late_key=b"key"))
    await close(world, account_id)
    async with world.db.reading() as session:
        assert (await session.scalars(select(Message.late_key))).one() is None


async def test_mail_to_the_same_address_makes_a_new_recipient_who_registers_anew(world: World) -> None:
    account_id = await world.register()
    await close(world, account_id)
    again = await world.register()
    assert again != account_id
    async with world.db.reading() as session:
        found = await get_by_address(session, world.ring, BOB)
        assert found is not None
        assert found.id == again
        assert (await session.get(Account, again)) is not None


async def test_sessions_end_with_the_account(world: World) -> None:
    account_id = await world.register()
    await close(world, account_id)
    async with world.db.reading() as session:
        assert await find_session(session, world.ring, AS_SHIPPED, "x" * 43, world.clock()) is None
    assert await rows_of(world, Session) == 0


async def test_mail_that_comes_while_an_account_ends_is_for_its_successor(world: World) -> None:
    """Who delivers holds the recipient, so that no mail is sealed to a key that is gone."""
    account_id = await world.register()
    async with world.db.writing() as session:
        found = await get_by_address(session, world.sync, BOB, is_held=True)
        assert found is not None
        closing = asyncio.create_task(close(world, account_id))
        _, waiting = await asyncio.wait({closing}, timeout=0.2)
        assert waiting
    assert await closing


async def test_the_row_of_who_ended_goes_with_the_last_that_is_known_of_its_letters(world: World) -> None:
    account_id = await world.register()
    await close(world, account_id)
    for wait, is_there in ((timedelta(days=30, seconds=-1), True), (timedelta(seconds=1), False)):
        world.clock.advance(wait)
        await sweep(world.db, world.sync, world.blobs, world.clock())
        async with world.db.reading() as session:
            assert (await session.get(Recipient, account_id) is not None) is is_there


async def test_a_reading_that_is_gathered_by_the_hour_is_told_all_the_same(world: World) -> None:
    people = [f"reader{number}@example.net" for number in range(20)]
    mail = await a_sealed_mail(world.db, world.rings, world.blobs, to=(BOB, *people), now=world.clock())
    account_id = await world.register()
    async with world.db.writing() as session:
        delivery = await get_delivery(session, account_id, mail.deliveries[BOB], world.clock())
        assert delivery is not None
        await mark_read(session, world.ring, delivery, world.clock(), is_automatic=False)
    world.clock.advance(timedelta(hours=1))  # the next hour's readers are others
    async with world.db.writing() as session:
        theirs = await session.scalar(select(Delivery.recipient_id).where(Delivery.id == mail.deliveries[people[0]]))
        assert theirs is not None
        other = await get_delivery(session, theirs, mail.deliveries[people[0]], world.clock())
        assert other is not None
        await mark_read(session, world.ring, other, world.clock(), is_automatic=False)
    await close(world, account_id)
    async with world.db.reading() as session:
        rows = (await session.scalars(select(Outbox).where(Outbox.letter == Letter.RECEIPT_READ))).all()
    told = [open_payload(world.sync, row) for row in rows]
    assert sorted(sorted(one) for one in told) == [["hour"], ["hour"], ["read_at", "reader"]]
    [own] = [one for one in told if "reader" in one]
    assert own == {"read_at": (world.clock() - timedelta(hours=1)).isoformat(), "reader": BOB}
    next_one = await world.register(people[0])
    assert await close(world, next_one, Farewell(people[0], "en"))
    async with world.db.reading() as session:
        rows = (await session.scalars(select(Outbox).where(Outbox.letter == Letter.RECEIPT_READ))).all()
    assert [open_payload(world.sync, row).get("reader") for row in rows].count(people[0]) == 1
