"""From the link to the first message: every step, every refusal, limits just below and above."""

from datetime import timedelta
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import func, select, update

from service.db.engine import Database
from service.db.tables import Account, Code, Delivery, Device, Session
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL
from tests.portal.conftest import PASSWORD, Browser, GiveNotice, Register


async def at_code_page(browser: Browser, a_notice: GiveNotice) -> None:
    notice = await a_notice()
    await browser.follow(await browser.get(notice.link))
    await browser.follow(await browser.post("/register/start"))


async def at_form(browser: Browser, a_notice: GiveNotice, letters: Any) -> None:
    await at_code_page(browser, a_notice)
    await browser.follow(await browser.post("/register/code", code=(await letters())[-1]["code"]))


async def test_link_leads_to_the_message_by_way_of_an_account(
    browser: Browser, a_notice: GiveNotice, letters: Any, db: Database
) -> None:
    notice = await a_notice()
    answer = await browser.get(notice.link)
    assert (answer.status, answer.to) == (303, "/waiting")
    page = await browser.get("/waiting")
    assert "Alice Example" in page.text
    assert "alice@ct.gov" in page.text
    assert "December 24, 2026, 10:30 AM (Eastern time)" in page.text
    assert "b•••b@example.com" in page.text
    assert BOB not in page.text
    assert notice.token not in page.text
    page = await browser.follow(await browser.post("/register/start"))
    assert "We sent a code to b•••b@example.com." in page.text
    [letter] = await letters()
    assert letter["to"] == BOB
    assert letter["language"] == "en"
    page = await browser.follow(await browser.post("/register/code", code=letter["code"]))
    assert f'value="{BOB}"' in page.text
    answer = await browser.post(
        "/register",
        first="Bob",
        last="Example",
        password=PASSWORD,
        confirm=PASSWORD,
        hint="birds and light",
        language="es",
    )
    assert (answer.status, answer.to) == (303, notice.message)
    page = await browser.get(notice.message)
    assert page.status == 200
    assert "Your papers" in page.text
    assert "Bob Example" in page.text
    assert set(browser.jar) == {"__Host-safemail", "__Host-safemail-device"}
    async with db.reading() as session:
        account = (await session.scalars(select(Account))).one()
        assert account.language == "es"
        assert PASSWORD not in account.password
        assert await session.scalar(select(func.count()).select_from(Code)) == 0
        assert await session.scalar(select(func.count()).select_from(Session)) == 1
        assert await session.scalar(select(func.count()).select_from(Device)) == 1


async def test_code_in_another_browser_is_worth_nothing(
    app: Quart, browser: Browser, a_notice: GiveNotice, letters: Any
) -> None:
    await at_code_page(browser, a_notice)
    other = Browser(app)
    await other.get("/sign-in")
    answer = await other.post("/register/code", code=(await letters())[-1]["code"])
    assert (answer.status, answer.to) == (303, "/waiting")


async def test_form_without_a_proven_code_leads_back(browser: Browser, a_notice: GiveNotice) -> None:
    await at_code_page(browser, a_notice)
    assert (await browser.get("/register")).to == "/register/code"
    answer = await browser.post("/register", first="Eve", last="E", password=PASSWORD, confirm=PASSWORD)
    assert answer.to == "/register/code"


async def test_fifth_wrong_code_ends_the_flow(browser: Browser, a_notice: GiveNotice, letters: Any) -> None:
    await at_code_page(browser, a_notice)
    right = (await letters())[-1]["code"]
    wrong = "000000" if right != "000000" else "000001"
    for left in ("4 tries", "3 tries", "2 tries", "1 try"):
        answer = await browser.post("/register/code", code=wrong)
        assert answer.status == 422
        assert f"That code is not right. {left} left." in answer.text
    assert "no tries are left" in (await browser.post("/register/code", code=wrong)).text
    answer = await browser.post("/register/code", code=right, csrf=await a_proof(browser))
    assert answer.status == 422


async def a_proof(browser: Browser) -> str:
    await browser.get("/sign-in")
    return browser.csrf


async def test_fifth_try_may_be_the_right_one(browser: Browser, a_notice: GiveNotice, letters: Any) -> None:
    await at_code_page(browser, a_notice)
    right = (await letters())[-1]["code"]
    for _ in range(4):
        await browser.post("/register/code", code="000000" if right != "000000" else "000001")
    assert (await browser.post("/register/code", code=right)).to == "/register"


@pytest.mark.parametrize(("after", "works"), [(timedelta(minutes=9, seconds=59), True), (timedelta(minutes=10), False)])
async def test_code_works_for_ten_minutes(
    browser: Browser, a_notice: GiveNotice, letters: Any, clock: Clock, after: timedelta, works: bool
) -> None:
    await at_code_page(browser, a_notice)
    clock.advance(after)
    answer = await browser.post("/register/code", code=(await letters())[-1]["code"])
    assert (answer.status == 303) is works
    if not works:
        assert "That code is too old. Get a new one." in answer.text


@pytest.mark.parametrize(("after", "count"), [(29, 1), (30, 2)])
async def test_new_code_comes_after_thirty_seconds(
    browser: Browser, a_notice: GiveNotice, letters: Any, clock: Clock, after: int, count: int
) -> None:
    await at_code_page(browser, a_notice)
    clock.advance(timedelta(seconds=after))
    page = await browser.follow(await browser.post("/register/resend"))
    assert ("We sent a new code" in page.text) is (count == 2)
    assert len(await letters()) == count


async def test_new_code_replaces_the_old_and_keeps_the_tries(
    browser: Browser, a_notice: GiveNotice, letters: Any, clock: Clock
) -> None:
    await at_code_page(browser, a_notice)
    for _ in range(3):
        await browser.post("/register/code", code="x")
    clock.advance(timedelta(seconds=31))
    await browser.follow(await browser.post("/register/resend"))
    old, new = [letter["code"] for letter in await letters()]
    if old != new:
        assert "1 try left" in (await browser.post("/register/code", code=old)).text
    assert (await browser.post("/register/code", code=new)).to == "/register"


async def test_pressing_start_twice_mails_one_code(browser: Browser, a_notice: GiveNotice, letters: Any) -> None:
    notice = await a_notice()
    await browser.follow(await browser.get(notice.link))
    await browser.post("/register/start")
    answer = await browser.post("/register/start")
    assert answer.to == "/register/code"
    assert len(await letters()) == 1


async def test_sixth_code_within_an_hour_waits(app: Quart, a_notice: GiveNotice, letters: Any, clock: Clock) -> None:
    notice = await a_notice()
    for expected in (303, 303, 303, 303, 303, 429):
        browser = Browser(app)
        await browser.follow(await browser.get(notice.link))
        answer = await browser.post("/register/start")
        assert answer.status == expected
        clock.advance(timedelta(seconds=1))
    assert int(answer.headers["Retry-After"]) > 600
    assert "Too many requests" in answer.text
    assert len(await letters()) == 5
    clock.advance(timedelta(minutes=12))
    assert (await browser.post("/register/start", csrf=await a_proof(browser))).status == 303


async def test_form_says_what_is_to_be_fixed_and_keeps_what_was_typed(
    browser: Browser, a_notice: GiveNotice, letters: Any, db: Database
) -> None:
    await at_form(browser, a_notice, letters)
    answer = await browser.post(
        "/register", first="Bob", last="", password="riverboat", confirm="riverboat", hint="the summer", language="en"
    )
    assert answer.status == 422
    assert "There are 2 things to fix" in answer.text
    assert '<a href="#last">Enter your last name.</a>' in answer.text
    assert "Use at least 12 characters. You have 9." in answer.text
    assert 'value="Bob"' in answer.text
    assert 'value="the summer"' in answer.text
    assert "riverboat" not in answer.text
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Account)) == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"first": "B0b"}, "Use letters, spaces, hyphens and apostrophes only"),
        ({"first": "B" * 61}, "Use letters, spaces, hyphens and apostrophes only"),
        ({"confirm": PASSWORD + "!"}, "The two passwords are not the same."),
        ({"password": "password2026!", "confirm": "password2026!"}, "easy to guess"),
        ({"last": "Lanterns"}, "Your password must not contain your name or email address."),
        ({"hint": "41 lanterns"}, "Your password must not contain your hint."),
        ({"hint": f"it is {PASSWORD}"}, "Your hint must not contain your password."),
        ({"password": "x" * 257, "confirm": "x" * 257}, "Use at most 256 characters."),
    ],
)
async def test_each_rule_has_its_words(
    browser: Browser, a_notice: GiveNotice, letters: Any, changed: dict[str, str], words: str
) -> None:
    await at_form(browser, a_notice, letters)
    form = {"first": "Bob", "last": "Example", "password": PASSWORD, "confirm": PASSWORD, "hint": "", **changed}
    answer = await browser.post("/register", **form)
    assert answer.status == 422
    assert words in answer.text


async def test_old_page_keeps_what_was_typed(browser: Browser, a_notice: GiveNotice, letters: Any) -> None:
    await at_form(browser, a_notice, letters)
    answer = await browser.post("/register", csrf="0" * 64, first="Bob", last="Example", password=PASSWORD)
    assert answer.status == 400
    assert "We kept what you typed." in answer.text
    assert 'value="Bob"' in answer.text
    assert PASSWORD not in answer.text


async def test_form_may_take_an_hour_and_no_longer(
    browser: Browser, a_notice: GiveNotice, letters: Any, clock: Clock
) -> None:
    await at_form(browser, a_notice, letters)
    clock.advance(timedelta(minutes=59, seconds=59))
    assert (await browser.get("/register")).status == 200
    clock.advance(timedelta(seconds=1))
    assert (await browser.get("/register")).to == "/waiting"


async def test_second_account_for_an_address_is_not_made(
    app: Quart, a_notice: GiveNotice, letters: Any, registered: Register, db: Database
) -> None:
    late = Browser(app)
    await at_form(late, a_notice, letters)
    person = await registered()
    answer = await late.post("/register", first="Eve", last="Example", password=PASSWORD, confirm=PASSWORD)
    assert answer.to == "/waiting"
    answer = await late.follow(await late.get(person.notice.link))
    assert "Sign in to read your message" in answer.text
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Account)) == 1


async def test_message_revoked_meanwhile_ends_the_flow(
    browser: Browser, a_notice: GiveNotice, letters: Any, db: Database, clock: Clock
) -> None:
    await at_form(browser, a_notice, letters)
    async with db.writing() as session:
        await session.execute(update(Delivery).values(revoked_at=clock()))
    answer = await browser.post("/register", first="Bob", last="Example", password=PASSWORD, confirm=PASSWORD)
    assert answer.to == "/waiting"
    assert (await browser.get("/waiting")).status == 404


async def test_link_of_somebody_with_an_account_asks_to_sign_in(registered: Register) -> None:
    person = await registered()
    browser = person.elsewhere()
    page = await browser.follow(await browser.get(person.notice.link))
    assert "Sign in to read your message" in page.text
    assert f'value="{BOB}"' in page.text
    answer = await browser.post("/sign-in", email=BOB, password=PASSWORD)
    assert answer.to == person.notice.message


async def test_link_for_another_address_says_so(registered: Register, a_notice: GiveNotice) -> None:
    person = await registered()
    notice = await a_notice(CAROL)
    page = await person.browser.follow(await person.browser.get(notice.link))
    assert "This link is for another address" in page.text
    assert CAROL not in page.text


async def test_link_of_ones_own_leads_straight_to_the_message(registered: Register) -> None:
    person = await registered()
    assert (await person.browser.get(person.notice.link)).to == person.notice.message


async def test_dead_links_all_look_the_same(app: Quart, a_notice: GiveNotice, db: Database, clock: Clock) -> None:
    short, revoked = await a_notice(life=timedelta(hours=1)), await a_notice(CAROL)
    async with db.writing() as session:
        await session.execute(update(Delivery).where(Delivery.id == revoked.delivery_id).values(revoked_at=clock()))
    assert (await Browser(app).get(short.link)).status == 303
    clock.advance(timedelta(hours=1))
    answers = [
        await Browser(app).get(path)
        for path in (
            short.link,
            revoked.link,
            "/d/" + "A" * 43,
            "/d/x",
            "/d/" + "A" * 500,
            "/nothing",
            "/m/" + "0" * 32 + "/x",
        )
    ]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    assert len({tuple(sorted(dict(answer.headers).items())) for answer in answers}) == 1


async def test_message_past_its_date_shows_no_note(browser: Browser, a_notice: GiveNotice, clock: Clock) -> None:
    notice = await a_notice(life=timedelta(minutes=30))
    await browser.get(notice.link)
    clock.advance(timedelta(minutes=29, seconds=59))
    assert "Alice" in (await browser.get("/waiting")).text
    clock.advance(timedelta(seconds=1))
    page = await browser.get("/waiting")
    assert page.status == 404
    assert "Alice" not in page.text
    assert "Alice" not in (await browser.get("/sign-in")).text


async def test_what_is_not_there_looks_the_same_to_a_reader_too(registered: Register, a_notice: GiveNotice) -> None:
    person = await registered()
    other = await a_notice(CAROL)
    paths = (other.message, "/m/" + "0" * 32, "/m/nonsense", "/nothing", other.message + "/reply")
    answers = [await person.browser.get(path) for path in paths]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
