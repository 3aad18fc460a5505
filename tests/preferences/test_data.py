"""My data: everything comes along, byte for byte, and nothing of anybody else's."""

import asyncio
import csv
import email
import email.policy
import io
import mailbox
import os
import re
import tracemalloc
import uuid
import zipfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from service.blobs import Blobs
from service.core.references import shown
from service.db.engine import Database
from service.db.tables import Blob, Delivery, Message
from service.errors import SealBroken
from service.mailbox.export import Exporting, Note
from service.mailbox.zipped import Zipped
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import ALICE, BOB, CAROL, HELLO, SealedMail, a_recipient, a_sealed_mail, key_of, with_files
from tests.portal_mailbox.conftest import Signed, Site

ZIP, MBOX, RECORD = "/preferences/data/mail.zip", "/preferences/data/mail.mbox", "/preferences/data/record.csv"
NOTE = Note(ALICE, "", str)
FROM_LINES = HELLO + b"From now on\r\n>From then on\r\n"


class Mails:
    """A mailbox to take along."""

    def __init__(self, db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock) -> None:
        self.db, self.rings, self.blobs, self.clock = db, rings, blobs, clock

    async def add(self, eml: bytes = HELLO, to: str = BOB, life: timedelta = timedelta(days=30)) -> SealedMail:
        return await a_sealed_mail(self.db, self.rings, self.blobs, eml, to=(to,), now=self.clock.now, life=life)


@pytest.fixture
def mails(db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock) -> Mails:
    return Mails(db, rings, blobs, clock)


async def get(who: Signed, path: str) -> bytes:
    answer = await who.get(path)
    assert answer.status_code == 200
    return await answer.get_data(as_text=False)


async def unzip(who: Signed) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(await get(who, ZIP)))
    assert archive.testzip() is None
    return {name: archive.read(name) for name in archive.namelist()}


async def test_received_mails_come_as_their_own_downloads_do(bob: Signed, mails: Mails) -> None:
    first = await mails.add(FROM_LINES)
    second = await mails.add(with_files(("a.pdf", "application/pdf", b"%PDF" * 9999)))
    downloads = {await get_eml(bob, mail.deliveries[BOB].hex) for mail in (first, second)}
    found = await unzip(bob)
    assert set(found.values()) == downloads == {first.source, second.source}
    assert all(
        re.fullmatch(r"Inbox/2026-11-24 1030 \[secure\] (With files|Your papers) \[\w{8}\]\.eml", name)
        for name in found
    )


async def get_eml(who: Signed, delivery: str) -> bytes:
    return await (await who.get(f"/m/{delivery}/message.eml")).get_data(as_text=False)


async def test_the_mbox_is_read_back_by_the_standard_library(bob: Signed, mails: Mails, tmp_path: Path) -> None:
    sent = [await mails.add(FROM_LINES), await mails.add(with_files(("a.bin", "application/x", bytes(range(256)))))]
    path = tmp_path / "mail.mbox"
    path.write_bytes(await get(bob, MBOX))
    box = mailbox.mbox(path)
    read = {re.sub(rb"(?m)^>(>*From )", rb"\1", box.get_bytes(key)) for key in box.iterkeys()}
    assert read == {mail.source.replace(b"\r\n", b"\n") for mail in sent}
    assert {message.get_from() for message in box} == {"alice@ct.gov Tue Nov 24 15:30:00 2026"}
    box.close()


async def test_what_the_reader_wrote_comes_along(bob: Signed, mails: Mails, clock: Clock) -> None:
    mail = await mails.add()
    address = f"/m/{mail.deliveries[BOB].hex}"
    clock.advance(timedelta(minutes=1))
    fields = {"to": "alice@ct.gov", "subject": "RE: papers", "text": "Here: ñ\nFrom Bob", "nonce": "1" * 32}
    files = [("señal.pdf", b"%PDF-1" * 30_000)]
    answer = await bob.post(f"{address}/reply", {**fields, "do": "send"}, files)
    assert answer.status_code == 303, await answer.get_data(as_text=True)
    await bob.post(f"{address}/reply", {**fields, "to": "alice@ct.gov, half", "nonce": "2" * 32, "do": "save"})
    found = await unzip(bob)
    assert sorted(name.partition("/")[0] for name in found) == ["Drafts", "Inbox", "Sent"]
    by_folder = {
        name.partition("/")[0]: email.message_from_bytes(content, policy=email.policy.default)
        for name, content in found.items()
    }
    sent = by_folder["Sent"]
    assert (sent["From"].addresses[0].addr_spec, sent["To"].addresses[0].addr_spec) == (BOB, "alice@ct.gov")
    assert sent["In-Reply-To"] == "<one@ct.gov>"
    body = sent.get_body(("plain",))
    assert body is not None
    assert "Here: ñ" in body.get_content()
    [file] = sent.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("señal.pdf", b"%PDF-1" * 30_000)
    draft = by_folder["Drafts"]
    assert draft["X-Unsent"] == "1"
    typed = draft.get_body(("plain",))
    assert typed is not None
    assert "Here: ñ" in typed.get_content()


async def test_folders_become_directories_that_are_safe_to_unpack(bob: Signed, mails: Mails) -> None:
    names = ["Casa", "../../etc", "a/b", "a_b", "inbox"]
    for name in names:
        assert (await bob.press("/folders", [("name", name)])).status_code == 303
    shown = await (await bob.get("/folders")).get_data(as_text=True)
    ids = re.findall(r'href="/folders/([0-9a-f]{32})"><svg', shown)
    for folder in dict.fromkeys(ids):
        mail = await mails.add()
        async with mails.db.writing() as session:
            await session.execute(
                update(Delivery).where(Delivery.id == mail.deliveries[BOB]).values(own_folder_id=uuid.UUID(folder))
            )
    folders = sorted(name.rpartition("/")[0] for name in await unzip(bob))
    assert len(set(folders)) == len(names)
    assert all("/" not in folder and ".." not in folder.split("/") and folder for folder in folders)
    assert "Casa" in folders
    assert "inbox (2)" in folders


async def test_names_of_files_are_safe_and_never_twice_the_same(bob: Signed, mails: Mails) -> None:
    hostile = HELLO.replace(b"[secure] Your papers", b"../../x\\y: <|> [secure]")
    for _ in range(3):
        await mails.add(hostile)
    found = list(await unzip(bob))
    assert len(found) == 3
    for name in found:
        assert re.fullmatch(r"Inbox/2026-11-24 1030 [^/\\:<>|]+ \[[0-9A-Z]{8}\]\.eml", name), name


async def test_nothing_of_others_and_nothing_expired_comes_along(bob: Signed, mails: Mails, clock: Clock) -> None:
    await mails.add(life=timedelta(minutes=10))
    await mails.add(to=CAROL)
    revoked = await mails.add()
    is_it = Delivery.id == revoked.deliveries[BOB]
    async with mails.db.writing() as session:
        await session.execute(update(Delivery).where(is_it).values(revoked_at=clock.now))
    clock.advance(timedelta(minutes=9, seconds=59))
    assert len(await unzip(bob)) == 1
    clock.advance(timedelta(seconds=1))
    assert await unzip(bob) == {}
    assert await get(bob, MBOX) == b""


async def test_more_than_a_page_of_mails_comes_whole_and_in_order(bob: Signed, mails: Mails, clock: Clock) -> None:
    for number in range(103):
        clock.now += timedelta(seconds=number % 2)
        await mails.add(HELLO + b"%d\r\n" % number)
    found = await unzip(bob)
    assert len(found) == 103
    assert {content.rsplit(b"\r\n", 2)[1] for content in found.values()} == {b"%d" % number for number in range(103)}


async def break_end(mails: Mails, tmp_path: Path, mail: SealedMail) -> None:
    """Change a byte near the end of a sealed blob."""
    async with mails.db.reading() as session:
        key = await session.scalar(select(Blob.key).where(Blob.message_id == mail.message_id))
    assert key is not None
    with (tmp_path / "blobs" / key).open("r+b") as file:
        file.seek(-30, os.SEEK_END)
        byte = file.read(1)
        file.seek(-30, os.SEEK_END)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize("path", [ZIP, MBOX])
async def test_a_break_half_way_breaks_the_answer(bob: Signed, mails: Mails, path: str, tmp_path: Path) -> None:
    await mails.add()
    await break_end(mails, tmp_path, await mails.add(with_files(("a.bin", "application/x", os.urandom(400_000)))))
    with pytest.raises(SealBroken):
        await get(bob, path)


async def test_a_note_stands_where_a_message_does_not_open(bob: Signed, mails: Mails, tmp_path: Path) -> None:
    """One that is lost does not take the others along."""
    whole, broken, moved, gone = [await mails.add() for _ in range(4)]
    await break_end(mails, tmp_path, broken)
    async with mails.db.writing() as session:
        keys = await session.scalar(select(Delivery.keys).where(Delivery.id == whole.deliveries[BOB]))
        await session.execute(update(Delivery).where(Delivery.id == moved.deliveries[BOB]).values(keys=keys))
        key = await session.scalar(select(Blob.key).where(Blob.message_id == gone.message_id))
        references = dict((await session.execute(select(Message.id, Message.reference))).all())
    assert key is not None
    await mails.blobs.delete(key)
    found = await unzip(bob)
    assert len(found) == 4
    assert whole.source in found.values()
    notes = [email.message_from_bytes(content, policy=email.policy.default) for content in found.values()]
    notes = [note for note in notes if note["Subject"] == "This message could not be opened"]
    told = "".join(note.get_content() for note in notes)
    assert len(notes) == 3
    for mail in (broken, moved, gone):
        assert shown(references[mail.message_id]) in told
    box = await get(bob, f"{MBOX}?lang=es")
    assert box.count(b"\nFrom ") == 3
    assert box.count(b"\nSubject: No se pudo abrir este mensaje\n") == 3


async def test_memory_does_not_grow_with_the_mailbox(
    bob: Signed, mails: Mails, clock: Clock, rings: dict[str, KeyRing]
) -> None:
    for _ in range(4):
        await mails.add(with_files(("a.bin", "application/x", bytes(1_500_000))))
    recipient = await a_recipient(mails.db, rings, BOB, clock.now)
    key = await key_of(rings, recipient)
    zone = ZoneInfo("America/New_York")
    exporting = Exporting(mails.db, mails.blobs, rings["portal"], key, bob.recipient_id, "host", zone, clock, NOTE)
    tracemalloc.start()
    before, total = tracemalloc.get_traced_memory()[0], 0
    zipped = Zipped()
    async for mail in exporting.mails():
        async for piece in zipped.add(mail.name, mail.at, mail.open()):
            total += len(piece)
    most = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert total > 10_000
    assert most < 1_500_000


async def test_the_record_has_times_and_no_content(bob: Signed, mails: Mails, clock: Clock) -> None:
    mail = await mails.add()
    await mails.add(to=CAROL)
    clock.advance(timedelta(minutes=5))
    await bob.get(f"/m/{mail.deliveries[BOB].hex}")
    content = (await (await bob.get(RECORD)).get_data(as_text=False)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content)))
    assert rows[0] == ["Time", "What", "Reference"]
    assert [row[:2] for row in rows[1:]] == [
        ["2026-11-24 10:30:00-05:00", "Message received"],
        ["2026-11-24 10:35:00-05:00", "Message read for the first time"],
    ]
    assert len({row[2] for row in rows[1:]}) == 1
    assert "papers" not in content
    shown = await (await bob.get("/preferences/data")).get_data(as_text=True)
    assert re.search(r"Messages read</dt><dd>1</dd>", shown)
    assert "Mensaje recibido" in await (await bob.get(f"{RECORD}?lang=es")).get_data(as_text=True)


@pytest.mark.parametrize("path", [ZIP, MBOX])
async def test_over_the_wire_a_broken_answer_has_no_end(
    site: Site, mails: Mails, clock: Clock, path: str, tmp_path: Path
) -> None:
    """Its last chunk is missing (RFC 9112 section 8), so that browsers say that the download failed."""
    answers = []
    for _ in range(2):
        where = urlsplit(site.url)
        reader, writer = await asyncio.open_connection("127.0.0.1", where.port)
        head = (
            f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nCookie: safemail={site.token}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode())
        answers.append(await reader.read())
        writer.close()
        await writer.wait_closed()
        clock.advance(timedelta(seconds=1))
        broken = await mails.add(with_files(("a.bin", "application/x", os.urandom(200_000))))
        await break_end(mails, tmp_path, broken)
    whole, half = answers
    assert whole.startswith(b"HTTP/1.1 200")
    assert half.startswith(b"HTTP/1.1 200")
    assert whole.endswith(b"\r\n0\r\n\r\n")
    assert not half.endswith(b"0\r\n\r\n")
    assert len(half) > 500
