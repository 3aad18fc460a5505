"""Lists in the portal: order, pages, filters, states, and that an address leads back to the same page."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import event, update

from service.blobs import Blobs
from service.core.preferences import Preferences, write_preferences
from service.db.engine import Database
from service.db.tables import Account, Delivery, Message
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, HELLO, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed

Rings = dict[str, KeyRing]
DASH = "\u2013"


@pytest.fixture
async def mails(db: Database, rings: Rings, blobs: Blobs, clock: Clock, bob: Signed) -> list[str]:
    """Thirty messages, each a minute older than the one before; twenty-five stand on a page."""
    found = []
    for number in range(30):
        at = clock.now - timedelta(minutes=number)
        mail = await a_sealed_mail(db, rings, blobs, HELLO, now=at, life=timedelta(days=20 - number % 7))
        found.append(mail.deliveries[BOB].hex)
        async with db.writing() as session:
            await session.execute(update(Message).where(Message.id == mail.message_id).values(size=number % 5))
    await choose(db, bob, Preferences(rows=25))
    return found


async def choose(db: Database, reader: Signed, preferences: Preferences) -> None:
    async with db.writing() as session:
        one = update(Account).where(Account.id == reader.recipient_id)
        await session.execute(one.values(preferences=write_preferences(preferences)))


async def page_of(reader: Signed, path: str) -> str:
    answer = await reader.get(path)
    assert answer.status_code == 200, path
    return await answer.get_data(as_text=True)


def ids(page: str) -> list[str]:
    return re.findall(r'class="sm-subj" href="/m/([0-9a-f]{32})', page)


def link(page: str, which: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]* rel="{which}"', page)
    assert found is not None
    return unescape(found[1])


async def test_rows_on_a_page_are_as_preferred_and_counted(bob: Signed, mails: list[str]) -> None:
    page = await page_of(bob, "/inbox")
    assert ids(page) == mails[:25]
    assert f"1{DASH}25 of 30" in page
    older = await page_of(bob, link(page, "next"))
    assert ids(older) == mails[25:]
    assert f"26{DASH}30 of 30" in older
    assert ids(await page_of(bob, link(older, "prev"))) == mails[:25]


async def test_compact_rows_are_chosen_in_preferences(bob: Signed, mails: list[str], db: Database) -> None:
    assert "sm-list--compact" not in await page_of(bob, "/inbox")
    await choose(db, bob, Preferences(compact=True))
    assert "sm-list--compact" in await page_of(bob, "/inbox")
    assert len(mails) == 30


@pytest.mark.parametrize("sort", ["oldest", "unread", "largest", "smallest", "ending", "lasting"])
async def test_an_order_is_kept_over_pages_filters_and_messages(bob: Signed, mails: list[str], sort: str) -> None:
    page = await page_of(bob, f"/inbox?sort={sort}")
    older = await page_of(bob, link(page, "next"))
    assert sorted(ids(page) + ids(older)) == sorted(mails)
    assert ids(await page_of(bob, link(older, "prev"))) == ids(page)
    assert f'/inbox?show=unread&amp;sort={sort}"' in page
    opened = await page_of(bob, f"/m/{ids(page)[3]}?sort={sort}")
    assert f'href="/inbox?sort={sort}"' in opened
    assert f"/m/{ids(page)[2]}?sort={sort}" == link(opened, "prev")
    assert f"/m/{ids(page)[4]}?sort={sort}" == link(opened, "next") or sort == "unread"  # it was just read
    assert len(re.findall("aria-sort=", page)) == (0 if sort == "unread" else 1)


async def test_the_headings_say_the_order_and_turn_it(bob: Signed, mails: list[str]) -> None:
    page = await page_of(bob, "/inbox")
    assert re.search(r'class="c-date" aria-sort="descending">.*?href="/inbox\?sort=oldest"', page)
    page = await page_of(bob, "/inbox?sort=oldest")
    assert re.search(r'class="c-date" aria-sort="ascending">.*?href="/inbox"', page)
    assert ids(page)[0] == mails[-1]
    page = await page_of(bob, "/inbox?sort=ending&show=unread")
    assert re.search(r'class="c-until" aria-sort="ascending">.*?href="/inbox\?sort=lasting&amp;show=unread"', page)


async def test_a_page_that_emptied_shows_what_is_left(bob: Signed, mails: list[str]) -> None:
    after = link(await page_of(bob, "/inbox"), "next").partition("after=")[2]
    ticked = [("m", one) for one in mails[25:]]
    answer = await bob.press("/filing", [("folder", "inbox"), ("after", after), *ticked, ("do", "delete")])
    left = await page_of(bob, answer.headers["Location"])
    assert "5 messages moved to Deleted." in left
    assert ids(left) == mails[:25]
    assert f"1{DASH}25 of 25" in left


async def test_what_is_done_comes_back_to_the_same_page_and_order(bob: Signed, mails: list[str]) -> None:
    page = await page_of(bob, "/inbox?sort=oldest&show=unread")
    older = await page_of(bob, link(page, "next"))
    kept = re.findall(r'<input type="hidden" name="(show|sort|after)" value="([^"]+)">', older)
    answer = await bob.press("/filing", [("folder", "inbox"), *kept, ("m", mails[0]), ("do", "read")])
    place = answer.headers["Location"]
    assert all(f"{name}=" in place for name in ("show", "sort", "after", "done"))
    assert "1 message marked as read." in await page_of(bob, place)


@pytest.mark.parametrize("place", ["after=x", "before=1.2", f"sort=unread&after=1.{'0' * 32}"])
async def test_a_place_that_we_did_not_write_is_no_page(bob: Signed, place: str) -> None:
    assert (await bob.get(f"/inbox?{place}")).status_code == 404


async def test_an_order_or_filter_that_is_none_is_the_usual(bob: Signed, mails: list[str]) -> None:
    assert ids(await page_of(bob, "/inbox?sort=x&show=x")) == mails[:25]


async def test_empty_filters_help(bob: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
    mail = await a_sealed_mail(db, rings, blobs, now=clock.now)
    assert "Nothing with files" in await page_of(bob, "/inbox?show=files")
    await bob.get(f"/m/{mail.deliveries[BOB].hex}")
    page = await page_of(bob, "/inbox?show=unread")
    assert "Nothing unread" in page
    assert 'href="/inbox">Show all' in page


async def test_drafts_are_counted_as_drafts(
    bob: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock
) -> None:
    mail = await a_sealed_mail(db, rings, blobs, now=clock.now)
    fields = {"to": "alice@ct.gov", "subject": "x", "text": "y", "do": "save"}
    await bob.post(f"/m/{mail.deliveries[BOB].hex}/reply", fields)
    page = await page_of(bob, "/drafts")
    assert "<p>1 draft</p>" in page
    assert "1 message" not in page


async def test_answered_and_passed_on_are_said_in_words(
    bob: Signed, mails: list[str], db: Database, clock: Clock
) -> None:
    async with db.writing() as session:
        await session.execute(update(Delivery).values(answered_at=clock.now, forwarded_at=clock.now))
    page = await page_of(bob, "/inbox")
    assert page.count('title="Answered."') == page.count('title="Passed on."') == 25
    assert len(mails) == 30


async def test_the_hint_goes_when_put_away(bob: Signed, mails: list[str]) -> None:
    assert "Press a subject to open a message." in await page_of(bob, "/inbox")
    assert "Press a subject to open a message." not in await page_of(bob, "/sent")
    answer = await bob.press("/hint", [])
    assert answer.status_code == 303
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    assert cookie == "safemail-hint=1"
    again = await bob.get("/inbox", Cookie=f"safemail={bob.token}; {cookie}")
    assert "Press a subject to open a message." not in await again.get_data(as_text=True)
    assert len(mails) == 30


async def test_what_could_not_be_done_just_now_is_offered_again(
    bob: Signed, mails: list[str], db: Database, database_url: str
) -> None:
    event.listen(db.engine.sync_engine, "connect", impatient)
    await db.engine.dispose()
    other = Database(database_url)
    async with other.writing() as session:
        await session.execute(update(Account).values(failures=1))  # a write that takes its time
        answer = await bob.press("/filing", [("folder", "inbox"), ("m", mails[0]), ("do", "delete")])
        page = await page_of(bob, answer.headers["Location"])
    await other.close()
    assert "Nothing was deleted. Many people are here at once." in page
    form = re.search(
        r'<form method="post" action="/filing">(?:(?!</form>).)*Try again(?:(?!</form>).)*</form>', page, re.DOTALL
    )
    assert form is not None
    fields = re.findall(r'name="(folder|m|do)" value="([^"]+)"', form[0])
    answer = await bob.press("/filing", fields)
    assert "1 message moved to Deleted." in await page_of(bob, answer.headers["Location"])


def impatient(connection: Any, record: object) -> None:
    """Wait for no other write."""
    del record
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=1")
    cursor.close()


async def test_the_bar_says_what_was_not_done(bob: Signed, mails: list[str]) -> None:
    for do, what in (("delete", "deleted"), ("read", "marked"), ("move", "moved")):
        answer = await bob.press("/filing", [("folder", "inbox"), ("do", do)])
        page = await page_of(bob, answer.headers["Location"])
        assert f"Nothing was {what}. Choose at least one message first." in page
    assert len(mails) == 30


async def test_long_lines_carry_their_whole_in_a_title(
    bob: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock
) -> None:
    await a_sealed_mail(db, rings, blobs, with_files().replace(b"With files", b"x" * 200), now=clock.now)
    assert f'title="[secure] {"x" * 200}"' in await page_of(bob, "/inbox")
