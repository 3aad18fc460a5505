"""Whose message ends unread is told so, once, by name; nobody else is."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from service.blobs import Blobs
from service.core.states import Envelope, Letter, MessageKind, Outgoing
from service.db.engine import Database
from service.db.tables import Message, Outbox
from service.letters.compose import compose
from service.letters.queue import open_payload, queue_letter
from service.retention import sweep
from service.vault.ring import KeyRing
from tests.letters.builders import BRAND, EXPIRES, MARIA, ROSA, SENT, SUBJECT, Post, a_sheet
from tests.retention.test_sweep import DyingDatabase, Killed

SECOND = timedelta(seconds=1)
Rings = dict[str, KeyRing]
PAT = "pat@example.net"


async def a_message(
    db: Database, rings: Rings, blobs: Blobs, who: dict[str, dict[str, Any]], sheet: Any = None, **changes: Any
) -> uuid.UUID:
    """Store a message for some addresses; `who`: what is special with their deliveries."""
    async with db.writing() as session:
        post = Post(session, rings, blobs)
        message = await post.a_message(sheet, **changes)
        for address, special in who.items():
            recipient = await post.a_recipient(address)
            await post.a_delivery(message, recipient, token_hash=uuid.uuid4().bytes, **special)
    return message.id


async def told(db: Database) -> list[Outbox]:
    async with db.reading() as session:
        return list(await session.scalars(select(Outbox).where(Outbox.letter == Letter.RECEIPT_EXPIRED)))


async def unread(db: Database, rings: Rings) -> list[str]:
    (row,) = await told(db)
    return list(open_payload(rings["sync"], row)["unread"])


async def test_sender_is_told_at_the_date_and_not_a_second_before(db: Database, rings: Rings, blobs: Blobs):
    message_id = await a_message(db, rings, blobs, {ROSA.address: {}})
    await sweep(db, rings["sync"], blobs, EXPIRES - SECOND)
    assert await told(db) == []
    await sweep(db, rings["sync"], blobs, EXPIRES)
    (row,) = await told(db)
    assert (row.once, row.state, row.message_id) == (f"expired/{message_id.hex}", Outgoing.PENDING, None)
    await sweep(db, rings["sync"], blobs, EXPIRES + SECOND)
    assert len(await told(db)) == 1
    async with db.reading() as session:
        assert await session.get(Message, message_id) is None
        row.mailer = "safemail@ct.gov"
        mail = (await compose(session, rings["sync"], row, BRAND, EXPIRES, blobs=blobs)).outgoing
    assert mail.to == (MARIA,)
    assert mail.subject == "Secure Message Expired Unread"
    assert "NOT READ BY:   Rosa Jimenez <rosa.jimenez@example.com>\n" in mail.text
    assert SUBJECT in mail.text.replace("\n" + " " * 15, " ")


async def test_only_who_did_not_read_is_named(db: Database, rings: Rings, blobs: Blobs):
    who: dict[str, dict[str, Any]] = {
        ROSA.address: {"read_at": SENT},
        "l.baptiste@example.org": {"revoked_at": SENT, "envelope": Envelope.CC},
        PAT: {"envelope": Envelope.BCC},
        "late@example.com": {"notified_at": SENT},
    }
    await a_message(db, rings, blobs, who)
    await sweep(db, rings["sync"], blobs, EXPIRES)
    assert sorted(await unread(db, rings)) == ["late@example.com", PAT]


@pytest.mark.parametrize(
    ("who", "sheet", "changes"),
    [
        ({ROSA.address: {"read_at": SENT}}, a_sheet(), {}),
        ({ROSA.address: {"revoked_at": SENT}}, a_sheet(), {}),
        ({ROSA.address: {}}, a_sheet(automatic=True), {}),
        ({ROSA.address: {}}, a_sheet(), {"sender_box": None}),
        ({ROSA.address: {}}, a_sheet(), {"sheet_signature": b"somebody else's"}),
        ({ROSA.address: {"envelope": Envelope.OWN}}, a_sheet(), {"kind": MessageKind.DRAFT}),
        ({}, a_sheet(), {}),
    ],
)
async def test_nobody_is_told_of_what_is_not_theirs_to_know_and_it_ends_all_the_same(
    db: Database, rings: Rings, blobs: Blobs, who: dict[str, Any], sheet: Any, changes: dict[str, Any]
):
    await a_message(db, rings, blobs, who, sheet, **changes)
    assert await sweep(db, rings["sync"], blobs, EXPIRES) == 1
    assert await told(db) == []


async def test_killed_in_between_the_sender_is_told_once_and_with_the_end_of_its_keys(
    database_url: str, db: Database, rings: Rings, blobs: Blobs
):
    message_id = await a_message(db, rings, blobs, {ROSA.address: {}})
    dying = DyingDatabase(database_url)
    with pytest.raises(Killed):
        await sweep(dying, rings["sync"], blobs, EXPIRES)
    await dying.close()
    assert await told(db) == []
    async with db.reading() as session:
        assert (await session.get_one(Message, message_id)).keys_mailer is not None
    await sweep(db, rings["sync"], blobs, EXPIRES)
    assert len(await told(db)) == 1


async def test_what_is_told_is_sealed_and_goes_after_its_while(db: Database, rings: Rings, blobs: Blobs):
    await a_message(db, rings, blobs, {ROSA.address: {}})
    await sweep(db, rings["sync"], blobs, EXPIRES)
    (row,) = await told(db)
    assert ROSA.address.encode() not in (row.payload or b"")
    async with db.writing() as session:
        await session.execute(update(Outbox).values(state=Outgoing.SENT, payload=None, done_at=EXPIRES))
    await sweep(db, rings["sync"], blobs, EXPIRES + timedelta(days=30))
    assert await told(db) == []


async def test_reminders_end_with_their_message_and_what_was_not_needed_after_a_while(
    db: Database, rings: Rings, blobs: Blobs
):
    message_id = await a_message(db, rings, blobs, {ROSA.address: {"read_at": SENT}})
    async with db.writing() as session:
        for name in ("unread", "ending"):
            await queue_letter(
                session,
                rings["sync"],
                Letter.REMINDER,
                f"remind/{name}/x",
                SENT,
                payload={"token": "t"},
                message_id=message_id,
                due_at=EXPIRES - timedelta(days=2),
            )
        await session.execute(
            update(Outbox)
            .where(Outbox.once == "remind/unread/x")
            .values(state=Outgoing.NOT_NEEDED, payload=None, done_at=EXPIRES)
        )
    await sweep(db, rings["sync"], blobs, EXPIRES)
    async with db.reading() as session:
        assert list(await session.scalars(select(Outbox.once))) == ["remind/unread/x"]
    await sweep(db, rings["sync"], blobs, EXPIRES + timedelta(days=30))
    async with db.reading() as session:
        assert list(await session.scalars(select(Outbox.once))) == []
