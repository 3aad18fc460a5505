"""Search in the portal: the form, the page of results, what it tells and what it keeps to itself."""

import re
from datetime import timedelta
from html import unescape

import pytest
from quart import Quart

from service.blobs import Blobs
from service.core.sheet import Person
from service.db.engine import Database
from service.mailbox.search import Budget
from service.portal.mailbox.search import GATE
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import ALICE, BOB, CAROL, HELLO, SealedMail, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed

Rings = dict[str, KeyRing]
LEASE = HELLO.replace(b"Your papers", b"Tenancy at 14 Elm Street")
DEEP = HELLO.replace(b"Please", b"word " * 60 + b"Widerspruch & more.\r\nPlease")
FILES = with_files(("Mietvertrag.pdf", "application/pdf", b"%PDF"))


class Box:
    """Bob's mailbox."""

    def __init__(self, db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
        self.db, self.rings, self.blobs, self.clock = db, rings, blobs, clock

    async def add(
        self, eml: bytes, *, to: tuple[str, ...] = (BOB,), sender: Person = ALICE, days_ago: int = 0
    ) -> SealedMail:
        at = self.clock.advance(timedelta(minutes=1)) - timedelta(days=days_ago)
        return await a_sealed_mail(self.db, self.rings, self.blobs, eml, now=at, to=to, sender=sender)


@pytest.fixture
def box(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> Box:
    return Box(db, rings, blobs, clock)


async def page_of(reader: Signed, path: str) -> str:
    answer = await reader.get(path)
    assert answer.status_code == 200, path
    return await answer.get_data(as_text=True)


def ids(page: str) -> list[str]:
    return re.findall(r'class="sm-subj" href="/m/([0-9a-f]{32})', page)


def of(*mails: SealedMail) -> list[str]:
    return [mail.deliveries[BOB].hex for mail in mails]


async def test_results_show_where_and_why(bob: Signed, box: Box) -> None:
    lease, deep, files = [await box.add(eml) for eml in (LEASE, DEEP, FILES)]
    page = await page_of(bob, "/search?q=tenancy")
    assert ids(page) == of(lease)
    assert "<mark>Tenancy</mark> at 14 Elm Street" in page
    assert "1 result for “tenancy”" in page
    assert "All messages were searched." in page
    assert re.search(r'class="sm-inside">.*Inbox', page)
    page = await page_of(bob, "/search?q=WIDERSPRUCH")
    assert ids(page) == of(deep)
    assert "<mark>Widerspruch</mark> &amp; more." in page
    page = await page_of(bob, "/search?q=miet")
    assert ids(page) == of(files)
    assert "<mark>Miet</mark>vertrag.pdf" in page
    assert ids(await page_of(bob, "/search?q=alice")) == of(files, deep, lease)


async def test_the_form_stands_in_the_bar_of_the_mailbox_only(bob: Signed, box: Box) -> None:
    [one] = of(await box.add(LEASE))
    for path in ("/inbox", "/sent", "/drafts", "/deleted", "/folders", f"/m/{one}", "/search"):
        page = await page_of(bob, path)
        assert page.count('role="search"') == 1, path
    assert '<option value="sent">This folder' in await page_of(bob, "/sent")
    assert 'role="search" action="/search"' not in await page_of(bob, "/help")


async def test_the_query_is_not_in_the_title_and_nothing_keeps_the_page(
    bob: Signed, box: Box, capfd: pytest.CaptureFixture[str]
) -> None:
    await box.add(LEASE)
    answer = await bob.get("/search?q=tenancy&from=zebra")
    page = await answer.get_data(as_text=True)
    title = re.search(r"<title>(.*?)</title>", page)
    assert title is not None
    assert "tenancy" not in title[1].lower()
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    told = capfd.readouterr()
    assert "tenancy" not in (told.out + told.err).lower()
    assert "zebra" not in told.out + told.err


async def test_a_query_is_text_and_never_markup(bob: Signed, box: Box) -> None:
    await box.add(HELLO.replace(b"Your papers", b"<b>bold</b> & <script>"))
    page = await page_of(bob, "/search?q=%3Cb%3E")
    assert "<mark>&lt;b&gt;</mark>bold&lt;/b&gt;" in page
    page = await page_of(bob, "/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page


async def test_filters_narrow_and_can_be_cleared(bob: Signed, box: Box, clock: Clock) -> None:
    lease = await box.add(LEASE, sender=Person("José Muñoz", "jm@ct.gov"), days_ago=1)
    files = await box.add(FILES)
    day = clock.now.date().isoformat()
    assert ids(await page_of(bob, "/search?from=munoz")) == of(lease)
    assert ids(await page_of(bob, "/search?files=1")) == of(files)
    assert ids(await page_of(bob, f"/search?since={day}")) == of(files)
    assert ids(await page_of(bob, "/search?q=secure&until=2026-11-23")) == of(lease)
    assert ids(await page_of(bob, "/search?q=secure&in=sent")) == []
    page = await page_of(bob, "/search?q=tenancy&in=sent&since=x")
    assert "Nothing found for “tenancy”" in page
    assert 'href="/search?q=tenancy">Clear filters' in page


@pytest.mark.parametrize("path", ["/search", "/search?q=", "/search?q=%22", "/search?since=9999-99-99&until=x"])
async def test_nothing_asked_finds_nothing_and_explains(bob: Signed, box: Box, path: str) -> None:
    await box.add(LEASE)
    page = await page_of(bob, path)
    assert ids(page) == []
    assert "What are you looking for?" in page


async def test_of_others_nothing_is_found_nor_their_folders(bob: Signed, carol: Signed, box: Box) -> None:
    await box.add(LEASE, to=(CAROL,))
    assert ids(await page_of(bob, "/search?q=tenancy")) == []
    await carol.press("/folders", [("name", "Housing")])
    found = re.search(r'href="/folders/([0-9a-f]{32})"', await page_of(carol, "/folders"))
    assert found is not None
    assert (await bob.get(f"/search?q=tenancy&in={found[1]}")).status_code == 404
    assert (await carol.get(f"/search?q=tenancy&in={found[1]}")).status_code == 200
    assert (await bob.get("/search?q=tenancy&after=x")).status_code == 404


async def test_sent_and_drafts_are_searched_and_named(bob: Signed, box: Box) -> None:
    [one] = of(await box.add(HELLO))
    fields = {"to": "alice@ct.gov", "subject": "RE: [secure] Your papers", "text": "word " * 60 + "Nachmieter"}
    await bob.post(f"/m/{one}/reply", fields)
    await bob.post(f"/m/{one}/reply", {**fields, "do": "save"})
    page = await page_of(bob, "/search?q=nachmieter")
    assert page.count("<mark>Nachmieter</mark>") == 2
    assert re.search(r'class="sm-inside">.*<bdi>Sent</bdi>', page)
    assert re.search(r'class="sm-inside">.*<bdi>Drafts</bdi>', page)
    assert 'sm-tag--draft">Draft' in page


async def test_how_far_it_went_is_said_and_it_goes_on(app: Quart, bob: Signed, box: Box) -> None:
    lease = await box.add(LEASE)
    for _ in range(3):
        await box.add(HELLO)
    app.extensions[f"{GATE}.budget"] = Budget(messages=3, seconds=1e9)
    page = await page_of(bob, "/search?q=tenancy")
    assert ids(page) == []
    assert "Older messages were not searched yet." in page
    assert "Searched back to" in page
    further = re.search(r'href="([^"]+)" rel="next"', page)
    assert further is not None
    page = await page_of(bob, unescape(further[1]))
    assert ids(page) == of(lease)
    assert "1 more result for “tenancy”" in page


async def test_ticked_results_are_filed_and_the_search_comes_back(bob: Signed, box: Box) -> None:
    [one] = of(await box.add(LEASE))
    answer = await bob.press(
        "/filing", [("folder", "found"), ("q", "tenancy"), ("from", "alice"), ("m", one), ("do", "delete")]
    )
    page = await page_of(bob, answer.headers["Location"])
    assert "1 message moved to Deleted." in page
    assert ids(page) == [one]
    assert re.search(r'class="sm-inside">.*<bdi>Deleted</bdi>', page)


async def test_a_search_needs_a_session_and_is_come_back_to(app: Quart) -> None:
    client = app.test_client(use_cookies=False)
    answer = await client.get("/search?q=tenancy", headers={"Host": "localhost:8400"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in"
