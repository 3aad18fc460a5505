"""Reading with a mailed code: a guest reads and replies, has no password, and may make an account later."""

from datetime import timedelta
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import func, select

from service.accounts.lock import unlock_account
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Code, Device, Session
from service.portal.app import create_app
from service.settings import PortalSettings
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, Browser, GiveNotice, Notice, Seen, Told, sign_in

BUTTON = "Read with a mailed code"
FORM = {
    "first": "Bob", "last": "Example", "password": PASSWORD, "confirm": PASSWORD, "hint": "", "language": "en",
}  # fmt: skip


@pytest.fixture
def settings(settings: PortalSettings) -> PortalSettings:
    return settings.model_copy(update={"read_with_code": True})


async def ask(browser: Browser, notice: Notice, letters: Any) -> str:
    """Open the link and press the second button; return the code that was mailed."""
    before = await letters()
    page = await browser.follow(await browser.get(notice.link))
    assert BUTTON in page.text
    answer = await browser.post("/register/start", way="read")
    assert answer.to == "/register/code?way=read"
    page = await browser.follow(answer)
    assert 'name="way" value="read"' in page.text
    [code] = [letter["code"] for letter in await letters() if letter not in before]
    return str(code)


async def read(browser: Browser, notice: Notice, letters: Any) -> Seen:
    code = await ask(browser, notice, letters)
    return await browser.post("/register/code", code=code, way="read")


async def prove(browser: Browser, letters: Any) -> Seen:
    """Press *Create your account* and type the code."""
    before = await letters()
    await browser.follow(await browser.post("/register/start"))
    [code] = [letter["code"] for letter in await letters() if letter not in before]
    return await browser.post("/register/code", code=code)


async def the_account(db: Database) -> Account:
    async with db.reading() as session:
        return (await session.scalars(select(Account))).one()


async def test_code_leads_straight_to_the_message(
    browser: Browser, a_notice: GiveNotice, letters: Any, db: Database, clock: Clock
) -> None:
    notice = await a_notice()
    answer = await read(browser, notice, letters)
    assert answer.to == notice.message
    page = await browser.follow(answer)
    assert page.status == 200
    assert BOB in page.text
    assert (await browser.get("/inbox")).status == 200
    account = await the_account(db)
    assert (account.state, account.password, account.hint) == (AccountState.GUEST, "", None)
    assert account.last_sign_in_at == clock()
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Code)) == 0
        assert await session.scalar(select(func.count()).select_from(Device)) == 0
        assert "account.guest" in (await session.scalars(select(AuditEntry.verb))).all()


@pytest.mark.parametrize("left", [timedelta(seconds=1), timedelta()])
async def test_guests_session_ends_like_all_others(
    browser: Browser, a_notice: GiveNotice, letters: Any, clock: Clock, left: timedelta
) -> None:
    await read(browser, await a_notice(), letters)
    clock.advance(timedelta(minutes=15) - left)
    assert ((await browser.get("/inbox")).status == 200) is bool(left)


async def test_guest_comes_again_with_a_new_code_and_is_the_same_one(
    browser: Browser, a_notice: GiveNotice, letters: Any, db: Database, clock: Clock
) -> None:
    notice = await a_notice()
    await read(browser, notice, letters)
    clock.advance(timedelta(hours=9))
    assert (await browser.get("/inbox")).to == "/sign-in?out=time"
    assert (await read(browser, notice, letters)).to == "/inbox"  # where they had been
    async with db.reading() as session:
        assert (await session.scalars(select(AuditEntry.verb))).all().count("account.guest") == 1


async def test_guest_has_no_password_and_gets_no_letters(
    app: Quart, browser: Browser, a_notice: GiveNotice, letters: Any, told: Told, db: Database
) -> None:
    await read(browser, await a_notice(), letters)
    for password in ("", " ", "x", PASSWORD):
        answer = await sign_in(Browser(app), BOB, password)
        assert answer.status == 401
    for way in ("hint", "reset"):
        stranger = Browser(app)
        await stranger.get("/sign-in")
        answer = await stranger.post(f"/forgot/{way}", email=BOB)
        assert "If that address has an account" in answer.text
    assert await told() == []
    assert (await browser.get("/password")).status == 404
    assert (await browser.post("/password", current="", password=PASSWORD, confirm=PASSWORD)).status == 404
    account = await the_account(db)
    assert (account.state, account.password) == (AccountState.GUEST, "")


async def test_ten_tries_lock_no_guest(
    app: Quart, browser: Browser, a_notice: GiveNotice, letters: Any, db: Database
) -> None:
    notice = await a_notice()
    await read(browser, notice, letters)
    for _ in range(11):
        await sign_in(Browser(app), BOB, "wrong")
    assert (await the_account(db)).state is AccountState.GUEST
    assert (await browser.get("/inbox")).status == 200


async def test_guest_is_nobody_to_the_help_desk(
    browser: Browser, a_notice: GiveNotice, letters: Any, db: Database, rings: dict[str, KeyRing], clock: Clock
) -> None:
    await read(browser, await a_notice(), letters)
    async with db.writing() as session:
        assert not await unlock_account(session, rings["admin"], BOB, clock())


async def test_guest_is_asked_for_no_new_password_after_sixty_days(
    browser: Browser, a_notice: GiveNotice, letters: Any, clock: Clock
) -> None:
    await read(browser, await a_notice(), letters)
    clock.advance(timedelta(days=61))
    notice = await a_notice()
    answer = await read(browser, notice, letters)
    assert answer.to == notice.message
    assert (await browser.get(notice.message)).status == 200


async def test_guest_makes_an_account_from_their_session(
    app: Quart, browser: Browser, a_notice: GiveNotice, letters: Any, db: Database, clock: Clock
) -> None:
    notice = await a_notice()
    await read(browser, notice, letters)
    other = Browser(app)
    clock.advance(timedelta(minutes=1))
    await read(other, notice, letters)
    page = await browser.get("/waiting")
    assert "Create your account" in page.text
    assert BUTTON not in page.text
    answer = await prove(browser, letters)
    assert answer.to == "/register"
    await browser.follow(answer)
    assert (await browser.post("/register", **FORM)).to == notice.message
    assert "Bob Example" in (await browser.get(notice.message)).text
    assert (await other.get("/inbox")).status == 303
    account = await the_account(db)
    assert account.state is AccountState.ACTIVE
    assert account.password_at == clock()
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 1
    assert (await sign_in(Browser(app), BOB, PASSWORD)).status == 303


async def test_guest_who_comes_by_a_link_may_make_an_account_instead(
    app: Quart, browser: Browser, a_notice: GiveNotice, letters: Any, db: Database
) -> None:
    notice = await a_notice()
    await read(browser, notice, letters)
    other = Browser(app)
    page = await other.follow(await other.get(notice.link))
    assert "Create your account" in page.text
    await other.follow(await prove(other, letters))
    assert (await other.post("/register", **FORM)).to == notice.message
    assert (await the_account(db)).state is AccountState.ACTIVE


async def test_who_proved_the_mailbox_to_register_may_read_at_once(
    browser: Browser, a_notice: GiveNotice, letters: Any
) -> None:
    notice = await a_notice()
    await browser.follow(await browser.get(notice.link))
    await browser.follow(await prove(browser, letters))
    await browser.get("/waiting")
    assert (await browser.post("/register/start", way="read")).to == notice.message
    assert len(await letters()) == 1


async def test_wrong_and_new_codes_keep_the_way(
    browser: Browser, a_notice: GiveNotice, letters: Any, clock: Clock
) -> None:
    notice = await a_notice()
    code = await ask(browser, notice, letters)
    answer = await browser.post("/register/code", code=code[::-1] if code != code[::-1] else "000000", way="read")
    assert answer.status == 422
    assert 'name="way" value="read"' in answer.text
    clock.advance(timedelta(seconds=30))
    answer = await browser.post("/register/resend", way="read")
    assert answer.to == "/register/code?way=read&sent=1"
    await browser.follow(answer)
    assert (await browser.post("/register/code", code=(await letters())[-1]["code"], way="read")).to == notice.message


async def test_looking_lets_nobody_in(browser: Browser, a_notice: GiveNotice, letters: Any, db: Database) -> None:
    notice = await a_notice()
    await browser.follow(await browser.get(notice.link))
    await browser.follow(await prove(browser, letters))
    assert (await browser.get("/register/code?way=read")).to == "/register"
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Account)) == 0


async def test_address_with_an_account_signs_in(
    browser: Browser, a_notice: GiveNotice, letters: Any, app: Quart
) -> None:
    notice = await a_notice()
    late = Browser(app)
    code = await ask(late, notice, letters)
    await browser.follow(await browser.get(notice.link))
    await browser.follow(await prove(browser, letters))
    await browser.post("/register", **FORM)
    answer = await late.post("/register/code", code=code, way="read")
    assert answer.to == "/waiting"  # the flow ended with the account's making
    assert (await late.get("/waiting")).to == "/sign-in"


async def test_setting_that_is_off_shows_and_takes_nothing(
    settings: PortalSettings, db: Database, blobs: Any, rings: dict[str, KeyRing], clock: Clock,
    a_notice: GiveNotice, letters: Any,
) -> None:  # fmt: skip
    app = create_app(settings.model_copy(update={"read_with_code": False}), db, blobs, rings["portal"], clock)
    browser, notice = Browser(app), await a_notice()
    assert BUTTON not in (await browser.follow(await browser.get(notice.link))).text
    answer = await browser.post("/register/start", way="read")
    assert answer.to == "/register/code"
    await browser.follow(answer)
    assert (await browser.post("/register/code", code=(await letters())[-1]["code"], way="read")).to == "/register"
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Account)) == 0
        assert await session.scalar(select(func.count()).select_from(Session)) == 0


async def test_sign_in_page_offers_the_code_to_the_holder_of_a_link(browser: Browser, a_notice: GiveNotice) -> None:
    assert "read with a mailed code" not in (await browser.get("/sign-in")).text
    await browser.get((await a_notice()).link)
    assert "read with a mailed code" in (await browser.get("/sign-in")).text
