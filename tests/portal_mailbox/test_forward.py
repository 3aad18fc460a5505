"""Passing a mail on: to state addresses only, with its files sealed anew, within the size of a message."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from service.blobs import Blobs
from service.core.states import MessageKind
from service.db.engine import Database
from service.db.tables import Blob, Delivery, Message
from service.mailbox.opening import Content
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, HELLO, SealedMail, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed
from tests.portal_mailbox.test_reply import LIMIT, blob_files, messages, opened_by_mailer

Rings = dict[str, KeyRing]
FILES = [
    ("Form é.pdf", "application/pdf", os.urandom(300_000)),
    ("photo.png", "image/png", os.urandom(70_000)),
    ("copy.png", "image/png", b"same"),
    ("copy 2.png", "image/png", b"same"),
]
GOOD = {"to": "dave@ct.gov", "cc": "", "subject": "FW: [secure] With files", "text": "Please see below.", "nonce": "n1"}


@pytest.fixture
async def mail(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> SealedMail:
    eml = with_files(*FILES, text="Please answer.\nBy Friday.")
    return await a_sealed_mail(db, rings, blobs, eml, to=(BOB, CAROL), now=clock.now)


def address(mail: SealedMail, reader: str = BOB) -> str:
    return f"/m/{mail.deliveries[reader].hex}/forward"


async def offered(reader: Signed, path: str) -> list[int]:
    page = await (await reader.get(path)).get_data(as_text=True)
    return [int(number) for number in re.findall(r'name="carry" value="(\d+)" checked', page)]


async def test_the_form_offers_the_files_and_writes_nothing(bob: Signed, mail: SealedMail, db: Database) -> None:
    page = await (await bob.get(address(mail))).get_data(as_text=True)
    assert 'value="FW: [secure] With files"' in page
    assert 'id="to" name="to" value=""' in page
    assert "By Friday." in page
    assert all(f"<bdi>{name}</bdi>" in page for name, _, _ in FILES)
    assert len(await offered(bob, address(mail))) == len(FILES)
    assert not await messages(db, MessageKind.DRAFT)


async def test_what_is_passed_on_holds_text_head_and_files(
    bob: Signed, mail: SealedMail, db: Database, rings: Rings, blobs: Blobs
) -> None:
    carry = await offered(bob, address(mail))
    answer = await bob.post(address(mail), GOOD, [("own.txt", b"mine")], carry=carry)
    assert answer.status_code == 303
    assert "Your message was sent to dave@ct.gov." in await (await bob.get(answer.headers["Location"])).get_data(True)
    [sent] = await messages(db, MessageKind.REPLY)
    sheet, content_key = opened_by_mailer(rings, sent)
    assert sheet.subject == "FW: [secure] With files"
    assert sheet.references == ("<files@ct.gov>",)
    assert [part.name for part in sheet.attachments] == [*(name for name, _, _ in FILES), "own.txt"]
    async with db.reading() as session:
        rows = (await session.scalars(select(Blob).where(Blob.message_id == sent.id))).all()
        original = await session.get(Delivery, mail.deliveries[BOB])
        theirs = set(await session.scalars(select(Blob.key).where(Blob.message_id == mail.message_id)))
    assert original is not None
    assert original.answered_at is None
    assert not theirs & {row.key for row in rows}
    stored = Content(blobs, content_key, sent.id, {row.name: row.key for row in rows})
    body, *files = sheet.parts
    assert b"".join([piece async for piece in stored.open_part(body)]).decode() == (
        "Please see below.\n\n-----Original message-----\nFrom: Alice Example <alice@ct.gov>\n"
        "Sent: Tuesday, November 24, 2026, 10:00 AM EST\nTo: Bob <bob@example.com>, dave@ct.gov\n"
        "Cc: Pat Rivera <pat@gmail.example>\nSubject: [secure] With files\n\nPlease answer.\nBy Friday.\n"
    )
    for part, (_, _, content) in zip(files, FILES, strict=False):
        assert b"".join([piece async for piece in stored.open_part(part)]) == content


async def test_nothing_typed_is_enough_and_nothing_ticked_too(bob: Signed, mail: SealedMail, db: Database) -> None:
    assert (await bob.post(address(mail), {**GOOD, "text": ""}, carry=[])).status_code == 303
    [sent] = await messages(db, MessageKind.REPLY)
    assert sent.files == 0


async def test_only_state_addresses_get_it(bob: Signed, mail: SealedMail, db: Database) -> None:
    carry = await offered(bob, address(mail))
    answer = await bob.post(address(mail), {**GOOD, "to": "pat@gmail.example"}, carry=carry)
    assert answer.status_code == 422
    page = await answer.get_data(as_text=True)
    assert "pat@gmail.example is not a state address." in page
    assert "Your message was not sent." in page
    assert not await messages(db, MessageKind.REPLY)
    [draft] = await messages(db, MessageKind.DRAFT)
    assert draft.files == len(FILES)
    action = re.search(r'action="(/drafts/[0-9a-f]{32})"', page)
    assert action is not None
    assert 'name="carry"' not in page
    assert "</span>Forward" not in page
    kept = await (await bob.get(action[1])).get_data(as_text=True)
    assert "<h1>Forward</h1>" in kept
    assert (await bob.post(action[1], {**GOOD, "nonce": ""})).status_code == 303
    [sent] = await messages(db, MessageKind.REPLY)
    assert sent.files == len(FILES)


async def test_ticks_changed_after_the_page_saved_itself_count(bob: Signed, mail: SealedMail, db: Database) -> None:
    """The page keeps its ticks while its form already goes to the draft."""
    carry = await offered(bob, address(mail))
    saved = await bob.post(address(mail), {**GOOD, "do": "save"}, carry=carry[:1])
    draft = saved.headers["Location"]
    for ticked in (carry, carry[1:], carry[1:3], carry[3:], carry[:3]):
        assert (await bob.post(draft, {**GOOD, "do": "save"}, carry=ticked)).status_code == 303
        [row] = await messages(db, MessageKind.DRAFT)
        assert row.files == len(ticked)
    page = await (await bob.get(draft)).get_data(as_text=True)
    assert "Form é.pdf" in page
    assert "copy 2.png" not in page


async def test_what_does_not_fit_is_said_by_how_much(
    bob: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock, tmp_path: Path
) -> None:
    big = with_files(("a.bin", "application/octet-stream", bytes(1_500_000)), ("b.bin", "image/png", bytes(600_000)))
    mail = await a_sealed_mail(db, rings, blobs, big, now=clock.now)
    carry = await offered(bob, address(mail))
    answer = await bob.post(address(mail), GOOD, carry=carry)
    assert answer.status_code == 422
    assert "b.bin is 586 KB. It is 98 KB too big" in await answer.get_data(as_text=True)
    [draft] = await messages(db, MessageKind.DRAFT)
    assert draft.files == 1
    assert not await messages(db, MessageKind.REPLY)
    assert await blob_files(tmp_path) == 3  # the mail's own, the file that fits, the text


async def test_the_original_s_words_count_too(
    bob: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock
) -> None:
    eml = with_files(("a.bin", "image/png", bytes(LIMIT - 30_000)), text="word " * 8_000)
    mail = await a_sealed_mail(db, rings, blobs, eml, now=clock.now)
    answer = await bob.post(address(mail), GOOD, carry=await offered(bob, address(mail)))
    assert answer.status_code == 422
    assert re.search(r"The message is 1\d KB too big", await answer.get_data(as_text=True))
    assert not await messages(db, MessageKind.REPLY)


async def test_a_forward_is_nobody_else_s_and_ends_with_its_original(
    bob: Signed, carol: Signed, mail: SealedMail, clock: Clock, db: Database
) -> None:
    assert (await bob.get(address(mail, CAROL))).status_code == 404
    assert (await bob.post(address(mail, CAROL), GOOD, carry=[])).status_code == 404
    assert (await bob.post(address(mail), GOOD, carry=[], csrf="x")).status_code == 400
    saved = await bob.post(address(mail), {**GOOD, "do": "save"}, carry=await offered(bob, address(mail)))
    assert (await carol.get(saved.headers["Location"])).status_code == 404
    async with db.reading() as session:
        draft = (await session.scalars(select(Message).where(Message.kind == MessageKind.DRAFT))).one()
        original = await session.get(Message, mail.message_id)
    assert original is not None
    assert draft.expires_at == original.expires_at
    clock.advance(timedelta(days=31))
    assert (await bob.get(address(mail))).status_code in {303, 404}


async def test_the_subject_is_marked_once(bob: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
    for subject, shown in (
        (b"Fwd: [secure] Papers", "Fwd: [secure] Papers"),
        (b"RE: papers [SECURE]", "FW: RE: papers [SECURE]"),
    ):
        mail = await a_sealed_mail(db, rings, blobs, HELLO.replace(b"[secure] Your papers", subject), now=clock.now)
        assert f'value="{shown}"' in await (await bob.get(address(mail))).get_data(as_text=True)
