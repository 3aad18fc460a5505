"""A mailbox of ten thousand messages and two hundred folders: a page asks and weighs as much as in a small one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from playwright.async_api import Browser
from quart import Quart
from sqlalchemy import event, update

from service.blobs import Blobs
from service.db.engine import Database
from service.db.tables import Delivery, Recipient
from service.mailbox.own_folders import FOLDERS_MOST, add_folder
from service.mailbox.search import Budget
from service.portal.mailbox.search import GATE
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, a_recipient
from tests.mailbox.many import ManyMails
from tests.portal_mailbox.conftest import Signed, Site

MESSAGES = 10_000
OPEN = 700
"""So many of them, the newest, hold something; the others only have to be passed over."""
FILED = 5
PAGE_BYTES = 350_000
"""Of html with two hundred folders, before it is compressed."""
NUMBER = re.compile(r'title="\[secure\] Papers, number (\d+)"')
Rings = dict[str, KeyRing]


@pytest.fixture
def blobs() -> Blobs:
    return Blobs("memory:")


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    """Gather the statements that reach the database."""
    told: list[str] = []

    def tell(connection: object, cursor: object, statement: str, *rest: object) -> None:
        del connection, cursor, rest
        told.append(statement)

    event.listen(db.engine.sync_engine, "before_cursor_execute", tell)
    yield told
    event.remove(db.engine.sync_engine, "before_cursor_execute", tell)


async def page_of(reader: Signed, path: str) -> str:
    answer = await reader.get(path)
    assert answer.status_code == 200, path
    page = await answer.get_data(as_text=True)
    assert len(page.encode()) < PAGE_BYTES, path
    return page


def numbers(page: str) -> list[int]:
    return [int(one) for one in NUMBER.findall(page)]


class Filler:
    """Fills mailboxes."""

    def __init__(self, db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
        self.db, self.rings, self.blobs, self.clock = db, rings, blobs, clock

    async def fill(self, reader: Recipient, messages: int, folders: int, opens: int) -> str:
        """Return a folder in which some of the messages lie."""
        many = ManyMails(self.db, self.rings["sync"], self.blobs, reader)
        ids = await many.add(messages, self.clock.now, opens=opens)
        async with self.db.writing() as session:
            for number in range(folders):
                name = f"Folder {number:03}"
                folder = await add_folder(session, self.rings["portal"], reader.id, name, self.clock.now)
            filed = update(Delivery).where(Delivery.id.in_(ids[50 : 50 + FILED])).values(own_folder_id=folder)
            await session.execute(filed.execution_options(synchronize_session=False))
        return folder.hex


@pytest.fixture
def filler(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> Filler:
    return Filler(db, rings, blobs, clock)


async def recipient_of(db: Database, reader: Signed) -> Recipient:
    async with db.reading() as session:
        return await session.get_one(Recipient, reader.recipient_id)


LISTS = (
    "/inbox",
    "/inbox?sort=oldest",
    "/inbox?sort=unread",
    "/inbox?sort=largest",
    "/inbox?sort=ending",
    "/inbox?show=unread",
    "/inbox?show=files",
    "/deleted",
    "/folders",
    "/folders/OWN",
    "/search",
)


async def test_a_page_asks_as_much_as_in_a_small_mailbox_and_shows_the_right_rows(
    app: Quart, bob: Signed, carol: Signed, db: Database, filler: Filler
) -> None:
    big = await filler.fill(await recipient_of(db, bob), MESSAGES, FOLDERS_MOST, OPEN)
    small = await filler.fill(await recipient_of(db, carol), 60, 1, 60)
    for path in LISTS:
        asked = []
        for reader, own in ((bob, big), (carol, small)):
            with counted(db) as told:
                await page_of(reader, path.replace("OWN", own))
            asked.append(len(told))
        assert asked[0] == asked[1] <= 8, path
    await _walks(bob, big)
    await _searches(app, bob)


async def _walks(bob: Signed, own: str) -> None:
    """There and back again through the pages."""
    page = await page_of(bob, "/inbox")
    total = MESSAGES - FILED
    assert f"1\u201350 of {total}" in page
    assert numbers(page) == list(range(50))
    older = await page_of(bob, link(page, "next"))
    assert f"51\u2013100 of {total}" in older
    assert numbers(older) == list(range(50 + FILED, 100 + FILED))
    assert numbers(await page_of(bob, link(older, "prev"))) == list(range(50))
    assert numbers(await page_of(bob, f"/folders/{own}")) == list(range(50, 50 + FILED))
    assert page.count("<option") == FOLDERS_MOST + 3


async def _searches(app: Quart, bob: Signed) -> None:
    """A search goes as far as it may, says how far, and goes on."""
    app.extensions[f"{GATE}.budget"] = Budget(messages=OPEN // 2, seconds=1e9)
    sought = OPEN - 20
    page = await page_of(bob, f"/search?q=papers+{sought}")
    assert numbers(page) == []
    assert "Searched back to" in page
    assert numbers(await page_of(bob, link(page, "next"))) == [sought]
    full = await page_of(bob, "/search?q=benefits")
    assert len(numbers(full)) == 50
    assert numbers(await page_of(bob, link(full, "next")))[:1] == [50]


def link(page: str, which: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{which}"', page)
    assert found is not None
    return unescape(found[1])


async def test_a_browser_shows_it_without_scrolling_sideways(
    site: Site, browser: Browser, db: Database, rings: Rings, clock: Clock, filler: Filler
) -> None:
    await filler.fill(await a_recipient(db, rings, BOB, clock.now), 300, FOLDERS_MOST, 60)
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}/inbox")
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.locator("tbody tr").count() == 50
    await page.check("input[name=m] >> nth=0")
    await page.select_option("#move-rows", label="Folder 123")
    await page.click("button[value=move]")
    assert "1 message moved to “Folder 123”." in await page.inner_text(".sm-told")
    assert faults == []
    await context.close()
