"""The signed-in pages: lists, the message, its frame, downloads, and what is nobody's business."""

import hashlib
import os
import re
import uuid
import zipfile
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import select

from service.blobs import Blobs
from service.core.states import Letter
from service.db.engine import Database
from service.db.tables import Delivery, Outbox
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, HELLO, SealedMail, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed

Rings = dict[str, KeyRing]
PAGES = (
    "",
    "/body",
    "/text",
    "/print",
    "/message.eml",
    "/files.zip",
    "/file/1",
    "/file/2",
    "/file/2/preview",
    "/file/2/picture",
    "/details",
    "/link/1",
    "/text/link/1",
    "/reply",
    "/reply-all",
    "/forward",
)
NOTHING_THERE = {"/file/1", "/file/2/picture"}
"""For nobody: the first part is the text, the second no picture."""
FILES = [("Form é.pdf", "application/pdf", os.urandom(70_001)), ("run.exe", "application/x-msdownload", b"MZ")]


@pytest.fixture
async def mail(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> SealedMail:
    return await a_sealed_mail(
        db,
        rings,
        blobs,
        with_files(*FILES, html="<p>Good <b>morning</b></p><a href=https://ct.gov>a</a>"),
        now=clock.now,
    )


def address(mail: SealedMail, reader: str = BOB) -> str:
    return f"/m/{mail.deliveries[reader].hex}"


async def test_the_inbox_lists_what_waits(bob: Signed, mail: SealedMail) -> None:
    page = await (await bob.get("/inbox")).get_data(as_text=True)
    assert "Alice Example" in page
    assert "Good morning" in page
    assert address(mail) in page
    assert "1 unread" in page


async def test_an_empty_inbox_says_where_notices_go(bob: Signed) -> None:
    page = await (await bob.get("/inbox")).get_data(as_text=True)
    assert "Your inbox is empty" in page
    assert BOB in page


async def test_a_long_list_has_an_older_page(
    db: Database, rings: Rings, blobs: Blobs, clock: Clock, bob: Signed
) -> None:
    for _ in range(51):
        await a_sealed_mail(db, rings, blobs, HELLO, now=clock.now)
        clock.advance(timedelta(seconds=1))
    page = await (await bob.get("/inbox")).get_data(as_text=True)
    older = re.search(r'href="(/inbox\?after=[^"]+)"', page)
    assert older is not None
    rest = await (await bob.get(older[1].replace("&amp;", "&"))).get_data(as_text=True)
    assert len(re.findall(r'<a class="sm-subj"', page)) == 50
    assert len(re.findall(r'<a class="sm-subj"', rest)) == 1


async def test_the_first_showing_is_recorded_and_receipted_once(bob: Signed, mail: SealedMail, db: Database) -> None:
    for _ in range(2):
        assert (await bob.get(address(mail))).status_code == 200
    async with db.reading() as session:
        delivery = await session.get(Delivery, mail.deliveries[BOB])
        letters = (await session.scalars(select(Outbox).where(Outbox.letter == Letter.RECEIPT_READ))).all()
    assert delivery is not None
    assert delivery.read_at is not None
    assert [letter.once for letter in letters] == [f"read/{mail.deliveries[BOB].hex}"]


async def test_a_prefetch_reads_nothing(bob: Signed, mail: SealedMail, db: Database) -> None:
    await bob.get(address(mail), **{"Sec-Purpose": "prefetch"})
    async with db.reading() as session:
        delivery = await session.get(Delivery, mail.deliveries[BOB])
    assert delivery is not None
    assert delivery.read_at is None


async def test_automatic_mail_is_not_receipted(
    db: Database, rings: Rings, blobs: Blobs, clock: Clock, bob: Signed
) -> None:
    mail = await a_sealed_mail(db, rings, blobs, b"Auto-Submitted: auto-replied\r\n" + HELLO, now=clock.now)
    await bob.get(address(mail))
    async with db.reading() as session:
        assert (await session.scalars(select(Outbox))).all() == []


async def test_the_message_page_says_who_what_until_when(bob: Signed, mail: SealedMail) -> None:
    page = await (await bob.get(address(mail))).get_data(as_text=True)
    for words in (
        "Alice Example",
        "alice@ct.gov",
        "Checked: sent from inside",
        "Online until",
        "2 files",
        "Form é.pdf",
        "This is a program",
        "pat@gmail.example",
        "Reply all",
    ):
        assert words in page
    assert f'src="{address(mail)}/body"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "Show pictures" not in page


async def test_the_frame_has_its_own_policy(bob: Signed, mail: SealedMail) -> None:
    answer = await bob.get(address(mail) + "/body")
    assert answer.headers["Content-Security-Policy"] == (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
        "img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "<p>Good <b>morning</b></p>" in await answer.get_data(as_text=True)
    asked = await bob.get(address(mail) + "/body?images=1")
    assert "img-src data: https:;" in asked.headers["Content-Security-Policy"]


async def test_pictures_from_other_sites_are_offered_and_shown_when_asked(
    db: Database, rings: Rings, blobs: Blobs, clock: Clock, bob: Signed
) -> None:
    html = "<img src='https://pictures.example/1.png'>"
    mail = await a_sealed_mail(db, rings, blobs, with_files(html=html), now=clock.now)
    page = await (await bob.get(address(mail))).get_data(as_text=True)
    assert f"{address(mail)}?images=1" in page
    assert "pictures.example" not in await (await bob.get(address(mail) + "/body")).get_data(as_text=True)
    assert "pictures.example" in await (await bob.get(address(mail) + "/body?images=1")).get_data(as_text=True)


async def test_downloads_are_the_very_bytes(bob: Signed, mail: SealedMail) -> None:
    page = await (await bob.get(address(mail))).get_data(as_text=True)
    links = re.findall(rf'href="({address(mail)}/file/\d+)"', page)
    assert len(links) == 2
    for link, (name, _, content) in zip(links, FILES, strict=True):
        answer = await bob.get(link)
        got = await answer.get_data(as_text=False)
        assert hashlib.sha256(got).digest() == hashlib.sha256(content).digest()
        assert answer.headers["Content-Length"] == str(len(content))
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        assert name.rpartition(".")[2] in answer.headers["Content-Disposition"]
    assert (await bob.get(links[0])).headers["Content-Type"] == "application/pdf"
    assert (await bob.get(links[1])).headers["Content-Type"] == "application/octet-stream"


async def test_the_original_is_the_sealed_source(bob: Signed, mail: SealedMail) -> None:
    answer = await bob.get(address(mail) + "/message.eml")
    assert await answer.get_data(as_text=False) == mail.source
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "[secure] With files.eml" in answer.headers["Content-Disposition"].replace("_", "[", 1).replace("_", "]", 1)


async def test_a_damaged_file_is_noted(db: Database, rings: Rings, blobs: Blobs, clock: Clock, bob: Signed) -> None:
    eml = with_files(("a.bin", "application/octet-stream", b"abcdefgh" * 100)).replace(b"YWJj", b"Y*Jj", 1)
    mail = await a_sealed_mail(db, rings, blobs, eml, now=clock.now)
    page = await (await bob.get(address(mail))).get_data(as_text=True)
    assert "data-noted" in page
    assert "Came damaged" in page


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("case", ["not yours", "expired", "revoked", "never was", "no id"])
async def test_what_is_not_for_you_is_the_same_404(
    db: Database, rings: Rings, blobs: Blobs, clock: Clock, bob: Signed, carol: Signed, page: str, case: str
) -> None:
    eml = with_files(*FILES, html="<a href='https://ct.gov/'>https://ct.gov/</a>")
    mail = await a_sealed_mail(db, rings, blobs, eml, to=(BOB, CAROL), now=clock.now, life=timedelta(minutes=5))
    wanted = mail.deliveries[CAROL if case == "not yours" else BOB].hex
    if case == "expired":
        clock.advance(timedelta(minutes=5))
    elif case == "revoked":
        async with db.writing() as session:
            row = await session.get(Delivery, mail.deliveries[BOB])
            assert row is not None
            row.revoked_at = clock.now
    elif case == "never was":
        wanted = uuid.uuid4().hex
    elif case == "no id":
        wanted = "0" * 31 + "g"
    answer = await bob.get(f"/m/{wanted}{page}")
    nothing = await bob.get(f"/m/{uuid.uuid4().hex}{page}")
    assert answer.status_code == nothing.status_code == 404
    assert await answer.get_data(as_text=True) == await nothing.get_data(as_text=True)
    keep = {"date", "refresh"}
    assert {k: v for k, v in answer.headers.items() if k.lower() not in keep} == {
        k: v for k, v in nothing.headers.items() if k.lower() not in keep
    }
    if case == "not yours" and page not in NOTHING_THERE:
        assert (await carol.get(f"/m/{wanted}{page}")).status_code == 200


@pytest.mark.parametrize("page", ["/inbox", "/sent", "/drafts", *(f"/m/{'0' * 32}{page}" for page in PAGES)])
async def test_a_stranger_is_sent_to_the_sign_in_page(bob: Signed, page: str) -> None:
    stranger = Signed(bob.app, "nobody", bob.recipient_id)
    answer = await stranger.get(page)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize(
    "page", ["/inbox", "/sent", "/drafts", "MAIL", "MAIL/reply", "MAIL/details", "MAIL/file/2/preview"]
)
async def test_own_pages_carry_their_headers(bob: Signed, mail: SealedMail, page: str) -> None:
    answer = await bob.get(page.replace("MAIL", address(mail)))
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    html = await answer.get_data(as_text=True)
    assert not re.search(r"<[^>]+\s(?:style|on[a-z]+)=", html)
    assert "<style" not in html
    assert not re.search(r"<script(?![^>]+src=)", html)


async def test_all_files_come_as_one_zip(db: Database, rings: Rings, blobs: Blobs, clock: Clock, bob: Signed) -> None:
    files = [*FILES, ("form é.pdf", "application/pdf", b""), ("日本.txt", "text/plain", b"x" * 100_000)]
    mail = await a_sealed_mail(db, rings, blobs, with_files(*files), now=clock.now)
    assert "/files.zip" in await (await bob.get(address(mail))).get_data(as_text=True)
    answer = await bob.get(address(mail) + "/files.zip")
    got = await answer.get_data(as_text=False)
    assert answer.headers["Content-Length"] == str(len(got))
    with zipfile.ZipFile(BytesIO(got)) as archive:
        assert archive.testzip() is None
        assert [(one.filename, archive.read(one)) for one in archive.infolist()] == [
            ("Form é.pdf", FILES[0][2]),
            ("run.exe", b"MZ"),
            ("form é (2).pdf", b""),
            ("日本.txt", b"x" * 100_000),
        ]
        assert archive.infolist()[0].date_time == (2026, 11, 24, 10, 0, 0)


async def test_one_file_needs_no_zip(db: Database, rings: Rings, blobs: Blobs, clock: Clock, bob: Signed) -> None:
    mail = await a_sealed_mail(db, rings, blobs, with_files(FILES[0]), now=clock.now)
    assert "files.zip" not in await (await bob.get(address(mail))).get_data(as_text=True)
    assert (await bob.get(address(mail) + "/files.zip")).status_code == 404
