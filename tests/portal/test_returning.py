"""An account that was switched off comes back by a notice's link, a mailed code and a new password."""

from datetime import timedelta
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import select, update

from service.core.limits import KNOWN_DEVICE
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Code, Reset, Session
from service.settings import PortalSettings
from tests.conftest import NOW, Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, Browser, GiveNotice, Notice, Person, Register, Told, sign_in

NEW = "nine green canoes 52 thimbles"


async def switched_off(registered: Register, db: Database) -> Person:
    person = await registered()
    async with db.writing() as session:
        await session.execute(
            update(Account).values(state=AccountState.DISABLED, disabled_at=NOW, warned_at=NOW, failures=3)
        )
        for row in await session.scalars(select(Session)):
            await session.delete(row)
    return person


async def prove(browser: Browser, notice: Notice, letters: Any) -> None:
    """Open the link, press, type the code."""
    before = await letters()
    await browser.follow(await browser.get(notice.link))
    await browser.follow(await browser.post("/register/start"))
    [code] = [letter["code"] for letter in await letters() if letter not in before]
    await browser.follow(await browser.post("/register/code", code=code))


async def test_link_code_and_new_password_lead_to_the_message(
    registered: Register, a_notice: GiveNotice, letters: Any, told: Told, db: Database, clock: Clock
) -> None:
    person = await switched_off(registered, db)
    clock.advance(timedelta(days=20))
    notice, browser = await a_notice(), person.elsewhere()
    waiting = await browser.follow(await browser.get(notice.link))
    assert "Switch on your account" in waiting.text
    assert "You did not sign in for 90 days." in waiting.text
    assert "Create your account" not in waiting.text
    answer = await browser.post("/register/start")
    assert answer.to == "/register/code"
    await browser.follow(answer)
    answer = await browser.post("/register/code", code=(await letters())[-1]["code"])
    assert answer.to == "/register/password"
    form = await browser.follow(answer)
    assert "Choose a new password" in form.text
    assert 'name="first"' not in form.text
    answer = await browser.post("/register/password", password=NEW, confirm=NEW, hint="boats")
    assert answer.to == notice.message
    assert "Bob Example" in (await browser.follow(answer)).text
    async with db.reading() as session:
        account = (await session.scalars(select(Account))).one()
        verbs = (await session.scalars(select(AuditEntry.verb))).all()
        assert len((await session.scalars(select(Session))).all()) == 1
        assert (await session.scalars(select(Code))).all() == []
    assert (account.state, account.disabled_at, account.warned_at) == (AccountState.ACTIVE, None, None)
    assert (account.failures, account.password_at, account.last_sign_in_at) == (0, clock(), clock())
    assert account.hint is not None
    assert "account.restore" in verbs
    assert [letter["kind"] for letter in await told()] == ["password_changed"]
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 401
    assert (await sign_in(person.elsewhere(), BOB, NEW)).status == 303


async def test_link_alone_switches_nothing_on(
    registered: Register, a_notice: GiveNotice, db: Database, letters: Any
) -> None:
    person = await switched_off(registered, db)
    notice, browser = await a_notice(), person.elsewhere()
    await browser.follow(await browser.get(notice.link))
    assert (await browser.get("/register/password")).to == "/waiting"
    await browser.post("/register/start")
    assert (await browser.get("/register/password")).to == "/register/code"
    assert (await browser.post("/register/password", password=NEW, confirm=NEW)).to == "/register/code"
    assert (await browser.get("/register")).to == "/register/code"
    async with db.reading() as session:
        assert (await session.scalars(select(Account.state))).one() is AccountState.DISABLED
    assert [letter["to"] for letter in await letters()][-1] == BOB


async def test_proven_code_of_a_switched_off_account_makes_no_second_one(
    registered: Register, a_notice: GiveNotice, letters: Any, db: Database
) -> None:
    person = await switched_off(registered, db)
    browser = person.elsewhere()
    await prove(browser, await a_notice(), letters)
    assert (await browser.get("/register")).to == "/register/password"
    form = {"first": "Eve", "last": "Other", "password": NEW, "confirm": NEW, "hint": "", "language": "en"}
    assert (await browser.post("/register", **form)).to == "/register/password"
    async with db.reading() as session:
        assert (await session.scalars(select(Account.state))).one() is AccountState.DISABLED


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"password": "short", "confirm": "short"}, "Use at least 12 characters. You have 5."),
        ({"password": NEW, "confirm": NEW + "x"}, "The two passwords are not the same."),
        ({"password": PASSWORD, "confirm": PASSWORD}, "That is your current password. Choose a new one."),
        ({"password": NEW, "confirm": NEW, "hint": NEW}, "Your hint must not contain your password."),
        (
            {"password": "Example lanterns 41 herons", "confirm": "Example lanterns 41 herons"},
            "must not contain your name",
        ),
    ],
)
async def test_same_rules_as_everywhere(
    registered: Register, a_notice: GiveNotice, letters: Any, db: Database, form: dict[str, str], words: str
) -> None:
    person = await switched_off(registered, db)
    browser = person.elsewhere()
    await prove(browser, await a_notice(), letters)
    answer = await browser.post("/register/password", **form)
    assert answer.status == 422
    assert words in answer.text
    assert (await browser.post("/register/password", password=NEW, confirm=NEW)).status == 303


async def test_old_page_says_so_and_keeps_the_flow(
    registered: Register, a_notice: GiveNotice, letters: Any, db: Database
) -> None:
    person = await switched_off(registered, db)
    browser = person.elsewhere()
    await prove(browser, await a_notice(), letters)
    answer = await browser.post("/register/password", csrf="old", password=NEW, confirm=NEW)
    assert answer.status == 400
    assert "This page was open too long." in answer.text
    assert (await browser.post("/register/password", password=NEW, confirm=NEW)).status == 303


async def test_mailed_links_and_other_browsers_open_nothing_more(
    registered: Register, a_notice: GiveNotice, letters: Any, db: Database
) -> None:
    person = await switched_off(registered, db)
    async with db.writing() as session:
        account_id = (await session.scalars(select(Account.id))).one()
        session.add(
            Reset(account_id=account_id, token_hash=b"1", created_at=NOW, expires_at=NOW + timedelta(minutes=30))
        )
    browser = person.elsewhere()
    await prove(browser, await a_notice(), letters)
    await browser.post("/register/password", password=NEW, confirm=NEW)
    async with db.reading() as session:
        assert (await session.scalars(select(Reset))).all() == []


async def test_account_that_was_switched_on_meanwhile_signs_in(
    registered: Register, a_notice: GiveNotice, letters: Any, db: Database
) -> None:
    person = await switched_off(registered, db)
    browser = person.elsewhere()
    await prove(browser, await a_notice(), letters)
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.ACTIVE))
    assert (await browser.get("/register/password")).to == "/sign-in"
    assert (await browser.post("/register/password", password=NEW, confirm=NEW)).to == "/sign-in"


async def test_right_password_of_a_switched_off_account_gets_its_card(
    registered: Register, db: Database, settings: PortalSettings
) -> None:
    person = await switched_off(registered, db)
    answer = await sign_in(person.elsewhere(), BOB, PASSWORD)
    assert answer.status == 403
    assert f"You did not sign in for {settings.inactive.days} days." in answer.text
    assert "open the link in a new notice or write to the help desk" in answer.text
    wrong = await sign_in(person.elsewhere(), BOB, NEW)
    assert wrong.status == 401
    assert "switched off" not in wrong.text


async def test_card_and_page_name_the_days_of_the_setting(
    registered: Register, a_notice: GiveNotice, db: Database, app: Quart, settings: PortalSettings
) -> None:
    person = await switched_off(registered, db)
    longer = settings.model_copy(update={"inactive": timedelta(days=120)})
    app.jinja_env.globals["settings"] = longer
    assert "You did not sign in for 120 days." in (await sign_in(person.elsewhere(), BOB, PASSWORD)).text
    browser = person.elsewhere()
    assert "for 120 days" in (await browser.follow(await browser.get((await a_notice()).link))).text


async def test_sign_in_takes_a_warning_back(registered: Register, db: Database) -> None:
    person = await registered()
    async with db.writing() as session:
        await session.execute(update(Account).values(warned_at=NOW))
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 303
    async with db.reading() as session:
        assert (await session.scalars(select(Account.warned_at))).one() is None


@pytest.mark.parametrize(("away", "is_known"), [(KNOWN_DEVICE - timedelta(seconds=1), True), (KNOWN_DEVICE, False)])
async def test_browser_is_known_for_ninety_days(
    registered: Register, db: Database, clock: Clock, away: timedelta, *, is_known: bool
) -> None:
    person = await registered()
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.LOCKED, locked_at=NOW))
    clock.advance(away)
    assert ((await sign_in(person.browser, BOB, PASSWORD)).status == 303) is is_known
