import asyncio
import hashlib
import os
import threading
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from service.blobs import Blobs
from service.core.states import Folder, MessageKind
from service.db.engine import Database
from service.db.tables import Delivery
from service.errors import Broken, SealBroken
from service.mailbox.deliveries import count_all, get_delivery, list_blobs, list_folder
from service.mailbox.html import HTML_LONGEST
from service.mailbox.links import Links
from service.mailbox.opening import Content, Opened, open_delivery
from service.mailbox.shown import show_body
from service.vault.ring import KeyRing
from service.vault.stream import context, seal
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, HELLO, SealedMail, a_recipient, a_sealed_mail, key_of, with_files

Rings = dict[str, KeyRing]


async def opened_by(
    db: Database, rings: Rings, blobs: Blobs, clock: Clock, sealed: SealedMail, address: str = BOB
) -> tuple[Opened, Content]:
    recipient = await a_recipient(db, rings, address, clock.now)
    key = await key_of(rings, recipient)
    async with db.reading() as session:
        delivery = await get_delivery(session, recipient.id, sealed.deliveries[address], clock.now)
        assert delivery is not None
        opened = open_delivery(rings["portal"], key, delivery)
        return opened, Content.of(blobs, opened, await list_blobs(session, delivery.message_id))


async def test_a_mail_is_read_as_it_was_sealed(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
    sealed = await a_sealed_mail(db, rings, blobs, now=clock.now)
    opened, content = await opened_by(db, rings, blobs, clock, sealed)
    assert opened.sheet.subject == "[secure] Your papers"
    assert opened.is_checked
    assert opened.excerpt == "Good morning. Please send the form."
    assert b"".join([piece async for piece in content.open_source()]) == sealed.source
    shown = await show_body(content, opened.sheet)
    assert "Good morning.\nPlease send the form." in shown.html


async def test_every_file_comes_back_byte_for_byte(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
    files = [("a.bin", "application/octet-stream", os.urandom(200_001)), ("empty.txt", "text/plain", b"")]
    sealed = await a_sealed_mail(db, rings, blobs, with_files(*files), now=clock.now)
    opened, content = await opened_by(db, rings, blobs, clock, sealed)
    read = {
        part.name: b"".join([piece async for piece in content.open_part(part)]) for part in opened.sheet.attachments
    }
    assert {name: hashlib.sha256(got).hexdigest() for name, got in read.items()} == {
        name: hashlib.sha256(content).hexdigest() for name, _, content in files
    }


async def test_a_part_that_is_not_what_the_sheet_says_breaks_at_the_end(
    db: Database, rings: Rings, blobs: Blobs, clock: Clock
) -> None:
    sealed = await a_sealed_mail(db, rings, blobs, with_files(("a.bin", "x/y", b"abc")), now=clock.now)
    opened, content = await opened_by(db, rings, blobs, clock, sealed)
    part = replace(opened.sheet.attachments[0], sha256="0" * 64)
    with pytest.raises(Broken):
        [piece async for piece in content.open_part(part)]


async def test_a_forged_sheet_is_not_believed(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
    sealed = await a_sealed_mail(db, rings, blobs, now=clock.now)
    opened, _ = await opened_by(db, rings, blobs, clock, sealed)
    recipient = await a_recipient(db, rings, BOB, clock.now)
    key = await key_of(rings, recipient)
    message = opened.message
    message.sheet = seal(opened.sheet_key, context(message.id.hex, "sheet"), opened.sheet.to_bytes())
    opened.delivery.message = message
    with pytest.raises(SealBroken):
        open_delivery(rings["portal"], key, opened.delivery)
    signature = message.sheet_signature
    for kind in (MessageKind.RECEIVED, MessageKind.REPLY, MessageKind.DRAFT):  # a row made to look like one's own
        for forged in (None, b"", signature, bytes(32)):
            message.kind, message.sheet_signature = kind, forged
            with pytest.raises(SealBroken):
                open_delivery(rings["portal"], key, opened.delivery)


@pytest.mark.parametrize("case", ["not yours", "expired", "revoked", "not there"])
async def test_what_is_not_for_you_is_not_there(
    db: Database, rings: Rings, blobs: Blobs, clock: Clock, case: str
) -> None:
    sealed = await a_sealed_mail(db, rings, blobs, HELLO, to=(BOB, CAROL), now=clock.now)
    bob = await a_recipient(db, rings, BOB, clock.now)
    wanted = {"not yours": sealed.deliveries[CAROL], "not there": uuid.uuid4()}.get(case, sealed.deliveries[BOB])
    if case == "expired":
        clock.advance(timedelta(days=30))
    if case == "revoked":
        async with db.writing() as session:
            row = await session.get(Delivery, wanted)
            assert row is not None
            row.revoked_at = clock.now
    async with db.reading() as session:
        assert await get_delivery(session, bob.id, wanted, clock.now) is None
        listed = await list_folder(session, bob.id, Folder.INBOX, clock.now)
        assert wanted not in [row.id for row in listed.deliveries]


async def test_pages_of_a_list_hold_each_row_once(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
    for number in range(7):
        await a_sealed_mail(db, rings, blobs, now=clock.now)
        if number % 2:
            clock.advance(timedelta(seconds=1))  # some share a time
    bob = await a_recipient(db, rings, BOB, clock.now)
    seen = []
    after = None
    async with db.reading() as session:
        while True:
            listed = await list_folder(session, bob.id, Folder.INBOX, clock.now, after=after, limit=2)
            seen += [(row.received_at, row.id) for row in listed.deliveries]
            after = listed.last
            if not listed.has_more:
                break
        counts = (await count_all(session, bob.id, clock.now)).folders
    assert len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)
    assert (counts[Folder.INBOX].total, counts[Folder.INBOX].unread) == (7, 7)


@pytest.mark.parametrize(("second", "simplified"), [(HTML_LONGEST - 1_000_000, 0), (HTML_LONGEST - 999_999, 1)])
async def test_the_pages_of_one_mail_are_cleaned_up_to_a_limit_together(
    db: Database, rings: Rings, blobs: Blobs, clock: Clock, second: int, simplified: int
) -> None:
    top = with_files().partition(b"--=_b\r\n")[0]
    pages = [b"<b>t</b>".ljust(length, b".") for length in (1_000_000, second)]
    eml = top + b"".join(b"--=_b\r\nContent-Type: text/html\r\n\r\n" + page + b"\r\n" for page in pages)
    sealed = await a_sealed_mail(db, rings, blobs, eml + b"--=_b--\r\n", now=clock.now)
    opened, content = await opened_by(db, rings, blobs, clock, sealed)
    shown = await show_body(content, opened.sheet)
    assert shown.html.count("<b>t</b>") == 2 - simplified
    assert shown.is_simplified == bool(simplified)
    assert shown.is_cut == bool(simplified)  # of its words only the beginning fits


async def test_texts_are_cleaned_beside_the_loop_and_two_at_once(
    db: Database, rings: Rings, blobs: Blobs, clock: Clock
) -> None:
    page = with_files(html="<a href='https://ct.gov/'>a</a>" * 99)
    opened, content = await opened_by(
        db, rings, blobs, clock, await a_sealed_mail(db, rings, blobs, page, now=clock.now)
    )
    seen: set[int] = set()

    def write(number: int) -> str:
        seen.add(threading.get_ident())
        return str(number)

    await asyncio.gather(*(show_body(content, opened.sheet, links=Links(write)) for _ in range(12)))
    assert threading.get_ident() not in seen
    assert 1 <= len(seen) <= 2
