"""Each section is a page and a form; what was saved is there when one comes again, and takes effect."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from quart import Quart
from sqlalchemy import select, update

from service.accounts.preferring import read_signature
from service.blobs import Blobs
from service.core.preferences import Preferences, read_preferences
from service.core.states import AccountState, Letter
from service.db.engine import Database
from service.db.tables import Account, Outbox, Recipient
from service.letters.queue import open_payload
from service.portal.dates import Times
from service.recipients import unlock
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import a_sealed_mail
from tests.portal_mailbox.conftest import Signed, sign_in

SECTIONS = ("profile", "password", "security", "reading", "notices", "language", "signature", "data")


async def page(who: Signed, path: str) -> str:
    answer = await who.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return await answer.get_data(as_text=True)


async def save(who: Signed, path: str, fields: dict[str, str], **more: Any) -> tuple[int, str]:
    answer = await who.press(f"/preferences/{path}", list(fields.items()), **more)
    return answer.status_code, answer.headers.get("Location", "") or await answer.get_data(as_text=True)


async def account_of(db: Database, who: Signed) -> Account:
    async with db.reading() as session:
        found = await session.get(Account, who.recipient_id)
    assert found is not None
    return found


async def chosen_by(db: Database, who: Signed) -> Preferences:
    return read_preferences((await account_of(db, who)).preferences)


async def test_preferences_begin_with_the_name(bob: Signed) -> None:
    answer = await bob.get("/preferences")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/preferences/profile")
    shown = await page(bob, "/preferences/profile")
    assert 'value="Bob"' in shown
    assert 'value="bob@example.com"' in shown


@pytest.mark.parametrize("section", SECTIONS)
async def test_each_section_leads_to_every_other(bob: Signed, section: str) -> None:
    shown = await page(bob, f"/preferences/{section}")
    assert all(f'href="/preferences/{other}"' in shown for other in SECTIONS)
    assert shown.count('aria-current="page"') == 2


@pytest.mark.parametrize("section", ["profile", "reading", "notices", "language", "signature", "data/close"])
async def test_a_form_without_its_proof_changes_nothing(bob: Signed, db: Database, section: str) -> None:
    before = vars(await account_of(db, bob)).copy()
    fields = {
        "first": "Eve",
        "last": "X",
        "rows": "100",
        "theme": "dark",
        "language": "es",
        "text": "x",
        "zone": "Asia/Tokyo",
    }
    status, shown = await save(bob, section, fields, csrf="0" * 64)
    assert status == 400
    assert "This page was open too long." in shown
    after = vars(await account_of(db, bob))
    assert {name: value for name, value in after.items() if name[0] != "_"} == {
        name: value for name, value in before.items() if name[0] != "_"
    }


async def test_a_name_is_changed_and_shown(bob: Signed) -> None:
    assert await save(bob, "profile", {"first": " Roberto ", "last": "Núñez"}) == (303, "/preferences/profile?saved=1")
    shown = await page(bob, "/preferences/profile?saved=1")
    assert "Saved." in shown
    assert "Roberto Núñez" in shown


@pytest.mark.parametrize(
    ("first", "words"),
    [("", "Enter your first name."), ("x" * 61, "Use letters, spaces"), ("<b>", "Use letters, spaces")],
)
async def test_a_bad_name_is_refused_and_kept_in_the_form(bob: Signed, first: str, words: str) -> None:
    status, shown = await save(bob, "profile", {"first": first, "last": "Reader"})
    assert status == 422
    assert words in shown
    assert 'id="first-error"' in shown


async def test_a_name_of_sixty_letters_is_taken(bob: Signed) -> None:
    assert (await save(bob, "profile", {"first": "x" * 60, "last": "Reader"}))[0] == 303


async def test_reading_is_saved_and_shown(bob: Signed, db: Database) -> None:
    fields = {"rows": "25", "density": "compact", "theme": "dark", "dates": "iso", "plain_first": "1", "shortcuts": "1"}
    assert (await save(bob, "reading", fields))[0] == 303
    assert await chosen_by(db, bob) == Preferences(rows=25, compact=True, dates="iso", plain_first=True, shortcuts=True)
    shown = await page(bob, "/preferences/reading")
    assert 'data-theme="dark"' in shown
    for checked in ("density-compact", "theme-dark", "dates-iso", "plain_first-1", "shortcuts-1"):
        assert re.search(f'id="{checked}"[^>]* checked', shown), checked


async def test_what_no_form_offers_is_not_taken(bob: Signed, db: Database) -> None:
    assert (await save(bob, "reading", {"rows": "99", "theme": "'><script>", "dates": "x", "density": "x"}))[0] == 303
    assert await chosen_by(db, bob) == Preferences()
    assert (await account_of(db, bob)).theme == ""
    await save(bob, "language", {"language": "xx", "zone": "../../etc/passwd"})
    account = await account_of(db, bob)
    assert (account.language, account.time_zone) == ("en", "")


async def test_choices_of_one_page_leave_the_others(bob: Signed, db: Database) -> None:
    await save(bob, "reading", {"rows": "100", "density": "compact"})
    await save(bob, "notices", {"language": "es", "tell_new_device": "1"})
    chosen = await chosen_by(db, bob)
    assert (chosen.rows, chosen.compact) == (100, True)
    assert (chosen.remind_unread, chosen.remind_ending, chosen.tell_new_device) == (False, False, True)
    assert (await account_of(db, bob)).language == "es"
    await save(bob, "reading", {"rows": "50"})
    assert not (await chosen_by(db, bob)).remind_unread


async def test_owner_is_told_when_letters_about_new_browsers_are_turned_off(
    bob: Signed, db: Database, rings: dict[str, KeyRing]
) -> None:
    async def told() -> list[str]:
        async with db.reading() as session:
            rows = await session.scalars(select(Outbox).where(Outbox.letter == Letter.ACCOUNT))
            return [open_payload(rings["sync"], row)["kind"] for row in rows]

    on, off = {"language": "en", "tell_new_device": "1"}, {"language": "es"}
    for chosen, letters in ((on, 0), (off, 1), (off, 1), (on, 1), (off, 2)):
        assert (await save(bob, "notices", chosen))[0] == 303
        assert await told() == ["new_device_off"] * letters
    await save(bob, "reading", {"rows": "100"})
    assert len(await told()) == 2


async def test_dates_in_numbers_hold_everywhere(
    bob: Signed, db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock
) -> None:
    mail = await a_sealed_mail(db, rings, blobs, now=clock.now - timedelta(days=3))
    [delivery] = mail.deliveries.values()
    await save(bob, "reading", {"dates": "iso"})
    assert "2026-11-21" in await page(bob, "/inbox")
    shown = await page(bob, f"/m/{delivery.hex}")
    assert "2026-11-21 10:30 (Eastern time)" in shown
    assert "November" not in shown


async def test_the_list_has_as_many_rows_as_chosen(
    bob: Signed, db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock
) -> None:
    for _ in range(26):
        await a_sealed_mail(db, rings, blobs, now=clock.now)
    assert (await page(bob, "/inbox")).count('class="sm-subj"') == 26
    await save(bob, "reading", {"rows": "25", "density": "compact"})
    shown = await page(bob, "/inbox")
    assert shown.count('class="sm-subj"') == 25
    assert "sm-list--compact" in shown


async def test_a_zone_moves_the_times(bob: Signed, db: Database) -> None:
    shown = await page(bob, "/preferences/language")
    assert "Eastern time (New York), 10:30 AM" in shown
    assert shown.index("America/New_York") < shown.index("America/Bogota")
    status, to = await save(bob, "language", {"language": "es", "zone": "America/Los_Angeles"})
    assert (status, to) == (303, "/preferences/language?saved=1&lang=es")
    shown = await page(bob, "/preferences/language")
    assert "Ahora son las 7:30 a. m. en la suya." in shown
    await save(bob, "language", {"language": "es", "zone": "America/New_York"})
    assert (await account_of(db, bob)).time_zone == ""  # the state's, wherever it moves


@pytest.mark.parametrize(("length", "status"), [(1000, 303), (1001, 422)])
async def test_a_signature_has_a_thousand_characters(bob: Signed, length: int, status: int) -> None:
    answer = await save(bob, "signature", {"text": "x" * length})
    assert answer[0] == status
    if status == 422:
        assert "Take out 1." in answer[1]


async def test_a_signature_is_sealed_to_its_owner(bob: Signed, db: Database, rings: dict[str, KeyRing]) -> None:
    await save(bob, "signature", {"text": "\r\nBob Reader  \r\n\u202e12 Elm Street\r\n\r\n"})
    account = await account_of(db, bob)
    assert account.signature is not None
    assert b"Bob" not in account.signature
    async with db.reading() as session:
        recipient = await session.get(Recipient, bob.recipient_id)
        assert recipient is not None
        key = await unlock(rings["portal"], recipient)
        assert await read_signature(session, key, bob.recipient_id) == "Bob Reader\n12 Elm Street"
    assert "Bob Reader\n12 Elm Street</textarea>" in await page(bob, "/preferences/signature")
    await save(bob, "signature", {"text": " \n "})
    assert (await account_of(db, bob)).signature is None


@pytest.mark.parametrize(
    ("age", "words", "amber"),
    [
        (timedelta(0), "good for 60 more days.", False),
        (timedelta(days=42), "good for 18 more days.", False),
        (timedelta(days=49), "good for 11 more days.", False),
        (timedelta(days=49, seconds=1), "good for 10 more days.", True),
        (timedelta(days=59), "good for 1 more day.", True),
        (timedelta(days=59, seconds=1), "good for less than a day.", True),
    ],
)
async def test_the_password_tells_how_long_it_is_good(
    bob: Signed, db: Database, clock: Clock, age: timedelta, words: str, amber: bool
) -> None:
    async with db.writing() as session:
        await session.execute(update(Account).values(password_at=clock.now - age))
    shown = await page(bob, "/preferences/password")
    assert words in shown
    assert ("usa-alert--warning" in shown) is amber


async def test_guests_have_three_sections(app: Quart, db: Database, rings: dict[str, KeyRing], clock: Clock) -> None:
    guest = await sign_in(app, db, rings, clock, "guest@example.com")
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.GUEST))
    answer = await guest.get("/preferences")
    assert answer.headers["Location"] == "/preferences/reading"
    for section in SECTIONS:
        status = (await guest.get(f"/preferences/{section}")).status_code
        assert (status == 200) is (section in {"reading", "language", "data"}), section
    for path in ("profile", "password", "password/hint", "notices", "signature"):
        assert (await guest.press(f"/preferences/{path}", [])).status_code == 404
    assert "/preferences/profile" not in await page(guest, "/preferences/reading")


@pytest.mark.parametrize(("waits", "ends"), [(timedelta(minutes=4, seconds=59), True), (timedelta(minutes=5), False)])
async def test_a_guest_ends_their_account_soon_after_a_code(
    app: Quart, db: Database, rings: dict[str, KeyRing], clock: Clock, waits: timedelta, ends: bool
) -> None:
    guest = await sign_in(app, db, rings, clock, "guest@example.com")
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.GUEST))
    clock.advance(waits)
    shown = await page(guest, "/preferences/data/close")
    assert 'type="password"' not in shown
    assert ("get a new code" in shown) is not ends
    assert ((await guest.press("/preferences/data/close", [])).status_code == 303) is ends
    assert ((await guest.get("/preferences/data")).status_code == 200) is not ends


async def test_strangers_are_led_to_sign_in(app: Quart) -> None:
    for section in (*SECTIONS, "data/mail.zip", "data/mail.mbox", "data/record.csv", "data/close"):
        answer = await app.test_client().get(f"/preferences/{section}", headers={"Host": "localhost:8400"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")


@pytest.mark.parametrize("language", ["en", "es"])
def test_in_numbers_every_form_is_the_same_in_both_languages(language: str) -> None:
    now = datetime(2026, 9, 22, 19, 0, tzinfo=UTC)
    times = Times(ZoneInfo("America/New_York"), language, now, "iso")
    zone = {"en": "(Eastern time)", "es": "(hora del Este)"}[language]
    at = datetime(2026, 9, 3, 4, 5, tzinfo=UTC)
    assert times.full(at) == times.until(at) == f"2026-09-03 00:05 {zone}"
    assert (times.day(at), times.clock(at)) == ("2026-09-03", "00:05")
    assert times.short(at) == "2026-09-03"
    assert times.short(now) == "15:00"
    assert times.short(now - timedelta(days=1)) == {"en": "Yesterday", "es": "Ayer"}[language]
    assert times.left(now + timedelta(days=8)) == "2026-09-30"
    assert times.left(now + timedelta(days=3)) == {"en": "3 days left", "es": "Quedan 3 días"}[language]
    assert times.written("").day(at) != times.day(at)
    assert times.at(ZoneInfo("Asia/Tokyo")) == "04:00"
