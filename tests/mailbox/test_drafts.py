"""Drafts and sending, on both databases."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.blobs import Blobs
from service.core.sheet import Person
from service.core.states import Folder, Letter, MessageKind
from service.db.engine import Database
from service.db.tables import Blob, Delivery, Message, Outbox, Recipient
from service.errors import TooBig
from service.mailbox import draft_rows, drafts
from service.mailbox.deliveries import get_by_message, get_delivery
from service.mailbox.drafts import Changed, Draft
from service.mailbox.opening import Opened, open_delivery
from service.mailbox.replies import finish, send
from service.vault.people import RecipientKey
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, a_recipient, a_sealed_mail, key_of

Rings = dict[str, KeyRing]
ME = Person("Bob Reader", BOB)


async def pieces(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


class Desk:
    """Bob, his mail, and what he does with it."""

    def __init__(self, db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
        self.db, self.ring, self.blobs, self.clock = db, rings["portal"], blobs, clock
        self.bob: Recipient
        self.key: RecipientKey
        self.original: Opened

    async def sit_down(self, rings: Rings) -> "Desk":
        mail = await a_sealed_mail(self.db, rings, self.blobs, now=self.clock.now, life=timedelta(days=1))
        self.bob = await a_recipient(self.db, rings, BOB, self.clock.now)
        self.key = await key_of(rings, self.bob)
        async with self.db.reading() as session:
            delivery = await get_delivery(session, self.bob.id, mail.deliveries[BOB], self.clock.now)
        assert delivery is not None
        self.original = open_delivery(self.ring, self.key, delivery)
        return self

    def begin(self, nonce: str = "n") -> Draft:
        return drafts.begin(drafts.draft_id(self.bob.id, nonce), self.original, ME, self.clock.now)

    async def keep(self, draft: Draft, text: str, *, sends: bool = False) -> None:
        if sends:
            draft.sheet = replace(draft.sheet, to=(Person("", "alice@ct.gov"),), subject="Hello")
            finish(draft, self.clock.now)
        await drafts.set_body(self.blobs, draft, text)
        async with self.db.writing() as session:
            stored = await draft_rows.store_draft(
                session, self.ring, draft, self.bob.id, self.bob.public_key, text, self.clock.now
            )
            if sends:
                await send(session, self.ring, stored, draft, self.clock.now)

    async def resume(self, draft: Draft) -> Draft:
        async with self.db.reading() as session:
            delivery = await get_by_message(session, self.bob.id, draft.message_id, self.clock.now)
            assert delivery is not None
            opened = open_delivery(self.ring, self.key, delivery)
            return drafts.resume(opened, await draft_rows.list_stored(session, draft.message_id))

    async def count(self, table: type[Message | Blob | Delivery | Outbox]) -> int:
        async with self.db.reading() as session:
            return await session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
async def desk(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> Desk:
    return await Desk(db, rings, blobs, clock).sit_down(rings)


async def test_a_draft_comes_back_as_it_was_left(desk: Desk) -> None:
    draft = desk.begin()
    content = os.urandom(100_000)
    part = await drafts.add_file(desk.blobs, draft, "../a:b.pdf", "application/pdf", pieces(content), 10**6)
    assert part.name == "a_b.pdf"
    await desk.keep(draft, "First words")
    taken = await desk.resume(draft)
    assert await drafts.read_typed(desk.blobs, taken) == ("First words", None)
    assert [one.sha256 for one in taken.files] == [part.sha256]
    assert taken.expires_at == desk.original.delivery.expires_at
    await desk.keep(taken, "Other words")
    assert await drafts.read_typed(desk.blobs, await desk.resume(draft)) == ("Other words", None)
    assert taken.size == len(content) + len("Other words")


async def test_a_file_that_does_not_fit_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    draft = desk.begin()
    before = sorted(path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    with pytest.raises(TooBig) as caught:
        await drafts.add_file(desk.blobs, draft, "a", "x/y", pieces(b"x" * 600_000, b"x" * 600_000), 1_000_000)
    assert caught.value.over_by == 200_000
    assert draft.blobs == {}
    assert sorted(path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()) == before


async def test_sending_is_one_transaction(desk: Desk) -> None:
    draft = desk.begin()
    await desk.keep(draft, "Thanks", sends=True)
    async with desk.db.reading() as session:
        message = await session.get(Message, draft.message_id)
        own = await session.get(Delivery, draft.delivery_id)
        original = await session.get(Delivery, desk.original.delivery.id)
        letter = (await session.scalars(select(Outbox))).one()
    assert message is not None
    assert message.kind is MessageKind.REPLY
    assert message.keys_mailer is not None
    assert own is not None
    assert own.folder is Folder.SENT
    assert original is not None
    assert original.answered_at == desk.clock.now
    assert letter.letter is Letter.REPLY
    assert draft.sheet.subject == "[secure] Hello"
    with pytest.raises(Changed):
        await desk.resume(draft)


async def test_two_windows_do_not_undo_each_other(desk: Desk) -> None:
    draft = desk.begin()
    await desk.keep(draft, "One")
    here, there = await desk.resume(draft), await desk.resume(draft)
    await desk.keep(here, "Two")
    with pytest.raises(Changed):
        await desk.keep(there, "Three")
    assert await drafts.read_typed(desk.blobs, await desk.resume(draft)) == ("Two", None)


async def test_one_form_sent_many_times_at_once_is_one_message(desk: Desk) -> None:
    ends = await asyncio.gather(
        *(desk.keep(desk.begin(), "Thanks", sends=True) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(end).__name__ for end in ends) == ["Changed"] * 4 + ["NoneType"]
    assert await desk.count(Outbox) == 1
    assert await desk.count(Message) == 2


async def test_a_draft_may_be_sent_or_discarded_but_not_both(desk: Desk) -> None:
    draft = desk.begin()
    await desk.keep(draft, "One")
    gone, sent = await desk.resume(draft), await desk.resume(draft)
    async with desk.db.writing() as session:
        keys = await draft_rows.discard(session, gone, desk.bob.id)
    assert len(keys) == 1
    with pytest.raises(Changed):
        await desk.keep(sent, "Two", sends=True)
    assert await desk.count(Message) == 1
    assert await desk.count(Blob) == 1
    assert await desk.count(Delivery) == 1
    kept = desk.begin("other")
    await desk.keep(kept, "One")
    late = await desk.resume(kept)
    await desk.keep(await desk.resume(kept), "Two", sends=True)
    with pytest.raises(Changed):
        async with desk.db.writing() as session:
            await draft_rows.discard(session, late, desk.bob.id)


async def test_a_draft_ends_with_its_original(desk: Desk) -> None:
    draft = desk.begin()
    await desk.keep(draft, "One")
    for later, is_there in ((timedelta(days=1, seconds=-1), True), (timedelta(seconds=1), False)):
        desk.clock.advance(later)
        async with desk.db.reading() as session:
            found = await get_by_message(session, desk.bob.id, draft.message_id, desk.clock.now)
        assert (found is not None) is is_there


def test_a_forms_nonce_means_another_message_to_another_reader() -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    assert drafts.draft_id(one, "n") == drafts.draft_id(one, "n")
    assert len({drafts.draft_id(one, "n"), drafts.draft_id(one, "m"), drafts.draft_id(other, "n")}) == 3
