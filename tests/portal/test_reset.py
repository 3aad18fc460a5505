"""A mailed link to a new password: once, thirty minutes, the newest only; looking changes nothing."""

from datetime import timedelta

import pytest
from quart import Quart
from sqlalchemy import func, select, update

from service.core.limits import RESET_LIFE
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Reset, Session
from service.portal.app import create_app
from service.settings import PortalSettings
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, Browser, GiveNotice, Person, Register, Seen, Told, sign_in
from tests.portal.test_doors import rows
from tests.portal.test_forgotten import ask

NEW = "green paper boats 17 kites"
USED = "This link was used already, or it is older than 30 minutes. Ask for a new one."
SECOND = timedelta(seconds=1)


async def a_link(person: Person, told: Told) -> str:
    await ask(person.elsewhere(), "reset")
    return f"/reset/{(await told())[-1]['token']}"


async def save(browser: Browser, password: str = NEW, **fields: str) -> Seen:
    return await browser.post("/reset", **{"password": password, "confirm": password, "hint": "", **fields})


async def test_link_leads_to_a_page_without_it_and_save_leads_in(
    registered: Register, told: Told, db: Database
) -> None:
    person = await registered()
    browser, link = person.elsewhere(), await a_link(person, told)
    answer = await browser.get(link)
    assert (answer.status, answer.to) == (303, "/reset")
    page = await browser.get("/reset")
    assert page.status == 200
    assert link.rpartition("/")[2] not in page.text
    assert f"For the account of {BOB}." in page.text
    assert 'name="current"' not in page.text
    answer = await save(browser)
    assert (answer.status, answer.to) == (303, "/")
    assert (await browser.get("/inbox")).status == 200
    assert "__Host-safemail-reset" not in browser.jar
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 401
    assert (await sign_in(person.elsewhere(), BOB, NEW)).status == 303
    async with db.reading() as session:
        assert "account.reset" in (await session.scalars(select(AuditEntry.verb))).all()


async def test_reset_tells_the_owner_and_ends_all_other_sessions(
    registered: Register, told: Told, db: Database
) -> None:
    person = await registered()
    assert (await person.browser.get("/inbox")).status == 200
    browser = person.elsewhere()
    await browser.follow(await browser.get(await a_link(person, told)))
    await save(browser)
    assert [letter["kind"] for letter in await told()] == ["reset", "password_changed"]
    assert (await person.browser.get("/inbox")).status == 303
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 1


@pytest.mark.parametrize(
    ("after", "works"), [(RESET_LIFE - SECOND, True), (RESET_LIFE, False), (RESET_LIFE + SECOND, False)]
)
async def test_link_works_for_thirty_minutes(
    registered: Register, told: Told, clock: Clock, after: timedelta, works: bool
) -> None:
    person = await registered()
    browser, link = person.elsewhere(), await a_link(person, told)
    clock.advance(after)
    page = await browser.follow(await browser.get(link))
    assert (page.status == 200) is works
    assert (USED in page.text) is not works


async def test_form_that_was_open_when_the_time_ended_saves_nothing(
    registered: Register, told: Told, clock: Clock
) -> None:
    person = await registered()
    browser = person.elsewhere()
    await browser.follow(await browser.get(await a_link(person, told)))
    clock.advance(RESET_LIFE)
    answer = await save(browser)
    assert answer.status == 404
    assert USED in answer.text
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 303


async def test_link_works_once(registered: Register, told: Told) -> None:
    person = await registered()
    first, second, link = person.elsewhere(), person.elsewhere(), await a_link(person, told)
    for browser in (first, second):
        assert (await browser.follow(await browser.get(link))).status == 200
    assert (await save(first)).status == 303
    answer = await save(second, "another 23 paper kites far away")
    assert answer.status == 404
    assert USED in answer.text
    assert "__Host-safemail" not in second.jar
    assert (await second.follow(await second.get(link))).status == 404


async def test_newest_link_only(registered: Register, told: Told) -> None:
    person = await registered()
    old, new = await a_link(person, told), await a_link(person, told)
    browser = person.elsewhere()
    assert USED in (await browser.follow(await browser.get(old))).text
    assert (await browser.follow(await browser.get(new))).status == 200


async def test_link_works_in_another_browser_than_the_one_that_asked(registered: Register, told: Told) -> None:
    person = await registered()
    asking, reading = person.elsewhere(), person.elsewhere()
    await ask(asking, "reset")
    assert (await asking.get("/reset")).status == 404  # asking alone opens nothing
    await reading.follow(await reading.get(f"/reset/{(await told())[-1]['token']}"))
    assert (await save(reading)).status == 303


@pytest.mark.parametrize("token", ["A" * 43, "A" * 5000, "x", "%00", "' OR 1=1"])
async def test_invented_link_gets_the_words_of_a_used_one(registered: Register, told: Told, token: str) -> None:
    person = await registered()
    browser = person.elsewhere()
    link = await a_link(person, told)
    await browser.follow(await browser.get(link))
    await save(browser)
    used = await (other := person.elsewhere()).follow(await other.get(link))
    seen = await (third := person.elsewhere()).follow(await third.get(f"/reset/{token}"))
    assert (seen.status, seen.body) == (used.status, used.body)


async def test_looking_at_a_link_changes_nothing(registered: Register, told: Told, settings: PortalSettings) -> None:
    person = await registered()
    link = await a_link(person, told)
    before = rows(settings)
    for browser in (person.elsewhere(), person.browser):
        for _ in range(2):
            await browser.follow(await browser.get(link))
            await browser._send("HEAD", link, {})
            await browser._send("HEAD", "/reset", {})
    assert rows(settings) == before


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"confirm": "other"}, "The two passwords are not the same."),
        ({"password": "short", "confirm": "short"}, "Use at least 12 characters. You have 5."),
        ({"password": "qwertyuiop1234", "confirm": "qwertyuiop1234"}, "This password is easy to guess."),
        ({"hint": NEW}, "Your password must not contain your hint."),
        ({"password": PASSWORD, "confirm": PASSWORD}, "That is your current password. Choose a new one."),
    ],
)
async def test_same_rules_as_at_registration_and_the_link_is_kept(
    registered: Register, told: Told, form: dict[str, str], words: str
) -> None:
    person = await registered()
    browser = person.elsewhere()
    await browser.follow(await browser.get(await a_link(person, told)))
    answer = await save(browser, **form)
    assert answer.status == 422
    assert words in answer.text
    assert (await save(browser)).status == 303


async def test_foreign_form_is_refused_and_the_link_is_kept(registered: Register, told: Told) -> None:
    person = await registered()
    browser = person.elsewhere()
    await browser.follow(await browser.get(await a_link(person, told)))
    assert (await save(browser, csrf="0" * 64)).status == 400
    assert (await browser.send("/reset", {"Sec-Fetch-Site": "cross-site"}, password=NEW, confirm=NEW)).status == 403
    await browser.get("/reset")
    assert (await save(browser)).status == 303


async def test_reset_unlocks(registered: Register, told: Told, db: Database) -> None:
    person = await registered()
    for _ in range(10):
        await sign_in(person.elsewhere(), BOB, "wrong")
    browser = person.elsewhere()
    page = await browser.follow(await browser.get(await a_link(person, told)))
    assert "Your account is locked. A new password unlocks it." in page.text
    assert (await save(browser)).status == 303
    assert (await sign_in(person.elsewhere(), BOB, NEW)).status == 303
    async with db.reading() as session:
        account = (await session.scalars(select(Account))).one()
        assert (account.state, account.failures, account.locked_at) == (AccountState.ACTIVE, 0, None)
        assert "account.unlock" in (await session.scalars(select(AuditEntry.verb))).all()


async def test_reset_does_not_unlock_where_the_setting_says_so(
    app: Quart, registered: Register, told: Told, db: Database, settings: PortalSettings, clock: Clock
) -> None:
    person = await registered()
    state = app.extensions["safemail"]
    strict = create_app(settings.model_copy(update={"reset_unlocks": False}), db, state.blobs, state.ring, clock)
    for _ in range(10):
        await sign_in(Browser(strict), BOB, "wrong")
    browser = Browser(strict)
    await ask(browser, "reset")
    assert [letter["unlocks"] for letter in await told()] == [False, False]
    browser.jar["__Host-safemail-reset"] = (await told())[-1]["token"]
    page = await browser.get("/reset")
    assert page.status == 403
    assert "Resetting the password does not unlock it." in page.text
    assert '<form class="sm-sheet"' not in page.text
    await browser.get("/sign-in")
    assert (await save(browser)).status == 403
    async with db.reading() as session:
        assert (await session.scalars(select(Account.state))).one() is AccountState.LOCKED
        assert await session.scalar(select(func.count()).select_from(Reset)) == 1
    person.browser.jar.clear()
    assert (await sign_in(person.browser, BOB, PASSWORD)).status == 401


async def test_switched_off_account_stays_off(registered: Register, told: Told, db: Database) -> None:
    person = await registered()
    browser, link = person.elsewhere(), await a_link(person, told)
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.DISABLED))
    page = await browser.follow(await browser.get(link))
    assert page.status == 403
    assert "Your account is switched off" in page.text


async def test_reset_on_the_way_to_a_message_leads_there(
    registered: Register, a_notice: GiveNotice, told: Told
) -> None:
    person = await registered()
    notice, browser = await a_notice(), person.elsewhere()
    await browser.get(notice.link)
    await browser.follow(await browser.get(await a_link(person, told)))
    assert (await save(browser)).to == notice.message


async def test_reset_in_the_browser_of_somebody_else_ends_their_session_there(registered: Register, told: Told) -> None:
    bob, carol = await registered(), await registered("carol@example.net")
    old = dict(carol.browser.jar)
    await carol.browser.follow(await carol.browser.get(await a_link(bob, told)))
    assert (await save(carol.browser)).status == 303
    assert "Bob Example" in (await carol.browser.get("/inbox")).text
    carol.browser.jar = old
    assert (await carol.browser.get("/inbox")).status == 303


async def test_token_is_stored_as_its_hash_only(registered: Register, told: Told, settings: PortalSettings) -> None:
    person = await registered()
    token = (await a_link(person, told)).rpartition("/")[2]
    assert token not in str(rows(settings))
    assert len(token) == 43


async def test_changing_the_password_tells_the_owner(registered: Register, told: Told) -> None:
    person = await registered()
    await person.browser.get("/password")
    await person.browser.post("/password", current=PASSWORD, password=NEW, confirm=NEW, hint="")
    assert [letter["kind"] for letter in await told()] == ["password_changed"]


async def test_changing_the_password_ends_a_link_that_was_mailed(registered: Register, told: Told) -> None:
    person = await registered()
    link = await a_link(person, told)
    await person.browser.get("/password")
    await person.browser.post("/password", current=PASSWORD, password=NEW, confirm=NEW, hint="")
    assert USED in (await person.browser.follow(await person.browser.get(link))).text


async def test_hint_can_be_renewed_with_the_password(registered: Register, told: Told, db: Database) -> None:
    person = await registered()
    browser = person.elsewhere()
    await browser.follow(await browser.get(await a_link(person, told)))
    await save(browser, hint="ships, not herons")
    async with db.reading() as session:
        assert (await session.scalars(select(Account.hint))).one() is not None
