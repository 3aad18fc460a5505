"""Answering from the portal: the form, the draft, the one transaction that sends."""

import asyncio
import os
import re
import tempfile
import uuid
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.accounts.rates import SENDS, allow
from service.blobs import Blobs
from service.core.sheet import Person, Sheet
from service.core.states import Folder, Letter, MessageKind
from service.db.engine import Database
from service.db.tables import Blob, Delivery, Message, Outbox
from service.mailbox.opening import Content, open_delivery
from service.portal.app import create_app
from service.settings import PortalSettings
from service.vault.box import open_box
from service.vault.ring import KeyRing
from service.vault.stream import context, open_sealed
from service.vault.types import DataKey
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, SealedMail, a_recipient, a_sealed_mail, key_of, with_files
from tests.portal_mailbox.conftest import Signed, multipart

Rings = dict[str, KeyRing]
LIMIT = 2_000_000
GOOD = {"to": "alice@ct.gov", "cc": "", "subject": "RE: [secure] With files", "text": "Thank you.", "nonce": "n1"}


@pytest.fixture
async def mail(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> SealedMail:
    eml = with_files(("a.txt", "text/plain", b"a"), text="Please answer.\nBy Friday.")
    return await a_sealed_mail(db, rings, blobs, eml, to=(BOB, CAROL), now=clock.now)


def address(mail: SealedMail, tail: str = "") -> str:
    return f"/m/{mail.deliveries[BOB].hex}{tail}"


async def messages(db: Database, kind: MessageKind) -> list[Message]:
    async with db.reading() as session:
        return list((await session.scalars(select(Message).where(Message.kind == kind))).all())


async def blob_files(tmp_path: Path) -> int:
    return sum(path.is_file() for path in (tmp_path / "blobs").rglob("*"))


def opened_by_mailer(rings: Rings, message: Message) -> tuple[Sheet, DataKey]:
    """Open a reply as `sync` does."""
    assert message.keys_mailer is not None
    keys = open_box(rings["sync"], f"messages/{message.id.hex}/keys", message.keys_mailer)
    sheet = open_sealed(DataKey(keys[32:]), context(message.id.hex, "sheet"), message.sheet)
    return Sheet.from_bytes(sheet), DataKey(keys[:32])


async def test_the_form_is_filled_and_writes_nothing(bob: Signed, mail: SealedMail, db: Database) -> None:
    page = await (await bob.get(address(mail, "/reply"))).get_data(as_text=True)
    assert "Alice Example &lt;alice@ct.gov&gt;" in page
    assert 'value="RE: [secure] With files"' in page
    assert "By Friday." in page
    assert "dave@ct.gov" not in page
    assert re.search(r'<form[^>]+multipart/form-data[^>]+>\s*<input type="hidden" name="csrf"', page)
    assert not await messages(db, MessageKind.DRAFT)


async def test_reply_all_says_who_is_left_out_before_typing(bob: Signed, mail: SealedMail) -> None:
    page = await (await bob.get(address(mail, "/reply-all"))).get_data(as_text=True)
    assert "Alice Example &lt;alice@ct.gov&gt;, dave@ct.gov" in page
    assert "Not included:" in page
    assert "Pat Rivera</bdi> (pat@gmail.example)" in page


async def test_a_reply_is_sealed_queued_and_kept(
    bob: Signed, mail: SealedMail, db: Database, rings: Rings, blobs: Blobs, clock: Clock
) -> None:
    content = os.urandom(300_000)
    answer = await bob.post(address(mail, "/reply"), GOOD, [("stubs é.pdf", content), ("stubs é.pdf", b"")])
    assert answer.status_code == 303
    page = await (await bob.get(answer.headers["Location"])).get_data(as_text=True)
    assert "Your reply was sent to" in page
    assert "multipart/form-data" not in page
    [reply] = await messages(db, MessageKind.REPLY)
    sheet, content_key = opened_by_mailer(rings, reply)
    assert sheet.sender == Person("Bob Reader", BOB)
    assert sheet.to == (Person("", "alice@ct.gov"),)
    assert sheet.subject == "RE: [secure] With files"
    assert sheet.references == ("<files@ct.gov>",)
    assert sheet.answers == "<files@ct.gov>"
    assert [part.name for part in sheet.attachments] == ["stubs é.pdf", "stubs é (2).pdf"]
    assert reply.answers_id == mail.message_id
    assert reply.files == 2
    async with db.reading() as session:
        own = (await session.scalars(select(Delivery).where(Delivery.message_id == reply.id))).one()
        original = await session.get(Delivery, mail.deliveries[BOB])
        letters = (await session.scalars(select(Outbox).where(Outbox.letter == Letter.REPLY))).all()
        rows = (await session.scalars(select(Blob).where(Blob.message_id == reply.id))).all()
    assert own.folder is Folder.SENT
    assert original is not None
    assert original.answered_at == clock.now
    assert own.expires_at == original.expires_at
    assert [(one.once, one.message_id, one.recipient_id) for one in letters] == [
        (f"reply/{reply.id.hex}", reply.id, bob.recipient_id)
    ]
    stored = Content(blobs, content_key, reply.id, {row.name: row.key for row in rows})
    body, *files = sheet.parts
    text = b"".join([piece async for piece in stored.open_part(body)]).decode()
    assert text.startswith("Thank you.\n\nOn November 24, 2026, 10:00 AM EST, Alice Example wrote:\n> Please answer.\n")
    assert b"".join([piece async for piece in stored.open_part(files[0])]) == content
    sent = await (await bob.get("/sent")).get_data(as_text=True)
    assert "alice@ct.gov" in sent
    link = re.search(r'href="(/m/[0-9a-f]{32})"', sent)
    assert link is not None
    kept = await (await bob.get(link[1])).get_data(as_text=True)
    assert "stubs é.pdf" in kept
    assert "Checked" not in kept


async def test_the_tag_comes_back_where_it_was_deleted(
    bob: Signed, mail: SealedMail, db: Database, rings: Rings
) -> None:
    await bob.post(address(mail, "/reply"), {**GOOD, "subject": "Hello\r\nBcc: eve@x.example"})
    [reply] = await messages(db, MessageKind.REPLY)
    assert opened_by_mailer(rings, reply)[0].subject == "[secure] Hello Bcc: eve@x.example"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"to": "pat@gmail.example"}, "pat@gmail.example is not a state address."),
        (
            {"to": "alice@ct.gov", "cc": "alice@ct.gov.evil.example"},
            "alice@ct.gov.evil.example is not a state address.",
        ),
        ({"to": "alice"}, "alice is not an address that we can read."),
        ({"to": "alice@ct.gov\u202e"}, None),
        ({"to": ""}, "Add at least one state address."),
        ({"text": " \n"}, "Write something or add a file."),
        ({"to": ", ".join(f"a{n}@ct.gov" for n in range(21))}, "1 address too many"),
        ({"to": "<script>alert(1)</script>"}, "&lt;script&gt;"),
    ],
)
async def test_a_refused_reply_keeps_everything_and_says_why(
    bob: Signed, mail: SealedMail, db: Database, fields: dict[str, str], said: str | None
) -> None:
    answer = await bob.post(address(mail, "/reply"), {**GOOD, **fields}, [("a.pdf", b"%PDF")])
    page = await answer.get_data(as_text=True)
    if said is None:
        assert answer.status_code == 303
        return
    if "text" in fields:
        answer = await bob.post(address(mail, "/reply"), {**GOOD, **fields, "nonce": "other"})
        page = await answer.get_data(as_text=True)
        assert said in page
        return
    assert answer.status_code == 422
    assert said in page
    assert "Thank you." in page
    assert "a.pdf" in page
    assert "<script>alert" not in page
    assert not await messages(db, MessageKind.REPLY)
    action = re.search(r'action="(/drafts/[0-9a-f]{32})"', page)
    assert action is not None
    again = await bob.post(action[1], {**GOOD, "do": "send"})
    assert again.status_code == 303
    [reply] = await messages(db, MessageKind.REPLY)
    assert reply.files == 1


async def test_one_form_sends_once_however_often_it_is_pressed(bob: Signed, mail: SealedMail, db: Database) -> None:
    answers = await asyncio.gather(*(bob.post(address(mail, "/reply"), GOOD, [("a", b"a")]) for _ in range(2)))
    answers.append(await bob.post(address(mail, "/reply"), GOOD, [("a", b"a")]))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len(await messages(db, MessageKind.REPLY)) == 1
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Outbox).where(Outbox.letter == Letter.REPLY)) == 1


async def test_a_draft_sent_twice_is_sent_once(bob: Signed, mail: SealedMail, db: Database) -> None:
    draft = (await bob.post(address(mail, "/reply"), {**GOOD, "do": "save"})).headers["Location"]
    answers = await asyncio.gather(*(bob.post(draft, GOOD) for _ in range(2)))
    assert {answer.status_code for answer in answers} == {303}
    assert (await bob.post(draft, GOOD)).status_code == 303
    assert len(await messages(db, MessageKind.REPLY)) == 1
    assert (await bob.get(draft)).status_code == 404


async def test_a_spent_form_with_other_words_loses_none_of_them(bob: Signed, mail: SealedMail, db: Database) -> None:
    await bob.post(address(mail, "/reply"), {**GOOD, "do": "save"})
    answer = await bob.post(address(mail, "/reply"), {**GOOD, "text": "Other words", "do": "save"})
    page = await answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Other words" in page
    assert "changed in another window" in page
    action = re.search(r'action="(/drafts/[0-9a-f]{32})"', page)
    assert action is not None
    assert (await bob.post(action[1], {**GOOD, "text": "Other words", "do": "save"})).status_code == 303
    assert "Other words" in await (await bob.get(action[1])).get_data(as_text=True)
    assert len(await messages(db, MessageKind.DRAFT)) == 1


async def test_a_draft_grows_shrinks_and_goes(bob: Signed, mail: SealedMail, db: Database, tmp_path: Path) -> None:
    before = await blob_files(tmp_path)
    draft = (await bob.post(address(mail, "/reply"), {**GOOD, "do": "attach"}, [("a.pdf", b"a")])).headers["Location"]
    await bob.post(draft, {**GOOD, "text": "More words", "do": "attach"}, [("b.png", b"b"), ("c.png", b"c")])
    page = await (await bob.get(draft)).get_data(as_text=True)
    for words in ("a.pdf", "b.png", "c.png", "More words", "Draft saved"):
        assert words in page
    assert await blob_files(tmp_path) == before + 4
    [remove] = re.findall(r'value="(remove-\d+)" aria-label="Remove b.png"', page)
    await bob.post(draft, {**GOOD, "text": "More words", "do": remove})
    page = await (await bob.get(draft)).get_data(as_text=True)
    assert "b.png" not in page
    assert "c.png" in page
    assert await blob_files(tmp_path) == before + 3
    listed = await (await bob.get("/drafts")).get_data(as_text=True)
    assert draft in listed
    answer = await bob.post(draft, {**GOOD, "do": "discard"})
    assert answer.headers["Location"] == address(mail)
    assert await blob_files(tmp_path) == before
    assert not await messages(db, MessageKind.DRAFT)
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Blob)) == 1


async def test_a_draft_is_its_writers_only(bob: Signed, carol: Signed, mail: SealedMail) -> None:
    draft = (await bob.post(address(mail, "/reply"), {**GOOD, "do": "save"})).headers["Location"]
    for path in (draft, address(mail, "/reply"), f"/m/{draft.rpartition('/')[2]}"):
        assert (await carol.get(path)).status_code == 404
    assert (await carol.post(draft, GOOD)).status_code == 404
    assert (await carol.post(address(mail, "/reply"), GOOD)).status_code == 404
    assert (await bob.get(draft)).status_code == 200
    same_nonce = await carol.post(f"/m/{mail.deliveries[CAROL].hex}/reply", {**GOOD, "do": "save"})
    assert same_nonce.status_code == 303
    assert same_nonce.headers["Location"] != draft


@pytest.mark.parametrize(("over", "is_kept"), [(0, True), (1, False)])
async def test_the_budget_is_exact(bob: Signed, mail: SealedMail, db: Database, *, over: int, is_kept: bool) -> None:
    room = LIMIT - len(GOOD["text"])
    files = [("big.bin", b"x" * (room - 1000 + over)), ("small.bin", b"y" * 1000)]
    answer = await bob.post(address(mail, "/reply"), GOOD, files)
    if is_kept:
        assert answer.status_code == 303
        assert len(await messages(db, MessageKind.REPLY)) == 1
        return
    page = await answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "small.bin is 1 KB. It is 1 KB too big" in page
    assert not await messages(db, MessageKind.REPLY)
    [draft] = await messages(db, MessageKind.DRAFT)
    assert draft.files == 1


async def test_what_fits_is_kept_when_another_file_does_not(
    bob: Signed, mail: SealedMail, db: Database, tmp_path: Path
) -> None:
    before = await blob_files(tmp_path)
    files = [("a.bin", b"a" * 1000), ("huge.bin", b"b" * (2 * LIMIT)), ("c.bin", b"c" * 1000)]
    answer = await bob.post(address(mail, "/reply"), GOOD, files)
    page = await answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "huge.bin is 3.9 MB" in page
    assert "a.bin" in page
    assert "c.bin" in page
    assert not await messages(db, MessageKind.REPLY)
    assert await blob_files(tmp_path) == before + 3


async def test_a_hundred_and_first_file_is_refused(bob: Signed, mail: SealedMail, db: Database) -> None:
    answer = await bob.post(address(mail, "/reply"), GOOD, [(f"{n}.txt", b"x") for n in range(101)])
    assert answer.status_code == 422
    assert "100.txt was not added" in await answer.get_data(as_text=True)
    assert not await messages(db, MessageKind.REPLY)


@pytest.mark.parametrize("case", ["no proof", "wrong proof", "proof last", "another site", "not a form", "cut"])
async def test_a_form_that_is_not_ours_is_refused_before_its_files(
    bob: Signed, mail: SealedMail, db: Database, tmp_path: Path, case: str
) -> None:
    before = await blob_files(tmp_path)
    proof = ("csrf", None, bob.csrf.encode())
    file: tuple[str, str | None, bytes] = ("files", "a.bin", b"a" * 1000)
    rest: list[tuple[str, str | None, bytes]] = [file, ("do", None, b"send")]
    parts = {
        "no proof": rest,
        "wrong proof": [("csrf", None, b"0" * 64), *rest],
        "proof last": [*rest, proof],
    }.get(case, [proof, *rest])
    kind, body = multipart(parts)
    headers = {
        "Host": "localhost:8400",
        "Cookie": f"safemail={bob.token}",
        "Sec-Fetch-Site": "cross-site" if case == "another site" else "same-origin",
        "Content-Type": "text/plain" if case == "not a form" else kind,
    }
    client = bob.app.test_client(use_cookies=False)
    data = body[:-40] if case == "cut" else body
    answer = await client.post(address(mail, "/reply"), headers=headers, data=data)
    assert answer.status_code in {400, 403}
    assert not await messages(db, MessageKind.DRAFT)
    assert not await messages(db, MessageKind.REPLY)
    assert await blob_files(tmp_path) == before


async def test_no_clear_text_lies_anywhere_after_an_upload(
    bob: Signed, mail: SealedMail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    secrets = [uuid.uuid4().hex for _ in range(5)]
    fields = {
        "to": f"{secrets[0]}@ct.gov",
        "subject": f"[secure] {secrets[1]}",
        "text": f"{secrets[2]} " * 100,
        "nonce": "s",
    }
    files = [(f"{secrets[3]}.pdf", secrets[4].encode() * 40_000)]
    assert (await bob.post(address(mail, "/reply"), {**fields, "do": "save"}, files)).status_code == 303
    assert (await bob.post(address(mail, "/reply"), {**fields, "nonce": "t"}, files)).status_code == 303
    assert list(spool.iterdir()) == []
    searched = 0
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            searched += 1
            assert not any(secret.encode() in content for secret in secrets), path.name
    assert (tmp_path / "database.sqlite-wal").exists()
    assert searched >= 6


async def test_the_original_is_answered_even_from_ones_own_reply(
    bob: Signed, mail: SealedMail, db: Database, rings: Rings, clock: Clock
) -> None:
    await bob.post(address(mail, "/reply"), GOOD)
    sent = await (await bob.get("/sent")).get_data(as_text=True)
    own = re.search(r'href="(/m/[0-9a-f]{32})"', sent)
    assert own is not None
    page = await (await bob.get(own[1] + "/reply")).get_data(as_text=True)
    assert 'value="alice@ct.gov"' in page
    assert "Reply to alice@ct.gov" in page
    recipient = await a_recipient(db, rings, BOB, clock.now)
    async with db.reading() as session:
        row = await session.get(Delivery, uuid.UUID(own[1].rpartition("/")[2]))
        assert row is not None
        message = await session.get(Message, row.message_id)
        assert message is not None
        row.message = message
        assert open_delivery(rings["portal"], await key_of(rings, recipient), row).sheet.answers


@pytest.mark.parametrize(("over", "is_kept"), [(0, True), (1, False)])
async def test_all_drafts_together_have_a_limit(
    bob: Signed,
    mail: SealedMail,
    db: Database,
    blobs: Blobs,
    rings: Rings,
    clock: Clock,
    portal_settings: PortalSettings,
    *,
    over: int,
    is_kept: bool,
) -> None:
    settings = portal_settings.model_copy(update={"drafts_bytes": 1_500_000 + 2 * len(GOOD["text"])})
    bob.app = create_app(settings, db, blobs, rings["portal"], clock)
    first, second = [("a.bin", b"a" * 1_000_000)], [("b.bin", b"b" * (500_000 + over))]
    assert (await bob.post(address(mail, "/reply"), {**GOOD, "do": "save"}, first)).status_code == 303
    answer = await bob.post(address(mail, "/reply"), {**GOOD, "nonce": "other", "do": "save"}, second)
    assert answer.status_code == (303 if is_kept else 422)
    if not is_kept:
        assert "b.bin is 489 KB. It is 1 KB too big" in await answer.get_data(as_text=True)
    assert sorted(draft.files for draft in await messages(db, MessageKind.DRAFT)) == ([1, 1] if is_kept else [0, 1])


async def test_nobody_floods_offices(bob: Signed, mail: SealedMail, db: Database, rings: Rings, clock: Clock) -> None:
    """The last place of an hour is free, the one behind it is not; the words are kept, and go an hour later."""
    async with db.writing() as session:
        for _ in range(SENDS.times - 1):
            await allow(session, rings["portal"], SENDS, bob.recipient_id.hex, clock.now)
    assert (await bob.post(address(mail, "/reply"), GOOD)).status_code == 303
    answer = await bob.post(address(mail, "/reply"), {**GOOD, "nonce": "n2"})
    assert answer.status_code == 422
    assert "You sent many messages within an hour." in await answer.get_data(as_text=True)
    assert len(await messages(db, MessageKind.REPLY)) == 1
    [draft] = await messages(db, MessageKind.DRAFT)
    clock.advance(SENDS.period / SENDS.times)
    async with db.reading() as session:
        delivery = await session.scalar(select(Delivery.id).where(Delivery.message_id == draft.id))
    assert delivery is not None
    assert (await bob.post(f"/drafts/{delivery.hex}", {**GOOD, "nonce": "n2"})).status_code == 303
    assert len(await messages(db, MessageKind.REPLY)) == 2


async def test_words_alone_fill_no_disk(
    bob: Signed,
    mail: SealedMail,
    db: Database,
    blobs: Blobs,
    rings: Rings,
    clock: Clock,
    portal_settings: PortalSettings,
) -> None:
    settings = portal_settings.model_copy(update={"drafts_bytes": 1_500_000})
    bob.app = create_app(settings, db, blobs, rings["portal"], clock)
    words = {**GOOD, "text": "x" * 900_000, "do": "save"}
    assert (await bob.post(address(mail, "/reply"), words)).status_code == 303
    answer = await bob.post(address(mail, "/reply"), {**words, "nonce": "other"})
    assert answer.status_code == 422
    assert "All your drafts together are 293 KB too big." in await answer.get_data(as_text=True)
    told = await bob.post(address(mail, "/reply"), {**words, "nonce": "third"}, Accept="application/json")
    assert told.status_code == 413
    assert len(await messages(db, MessageKind.DRAFT)) == 1
    sent = await bob.post(address(mail, "/reply"), {**words, "nonce": "other", "do": "send"})
    assert sent.status_code == 303


async def test_a_damaged_original_can_still_be_answered(
    bob: Signed, mail: SealedMail, db: Database, tmp_path: Path
) -> None:
    for path in (tmp_path / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    assert (await bob.get(address(mail, "/reply"))).status_code == 200
    assert (await bob.post(address(mail, "/reply"), GOOD)).status_code == 303
    assert len(await messages(db, MessageKind.REPLY)) == 1
