"""Signing in and out: same answers, counted failures, sessions that end."""

from datetime import timedelta

import pytest
from quart import Quart
from sqlalchemy import func, select, update

from service.accounts.lock import unlock_account
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, Delivery, Session
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, Register, sign_in

WRONG = "seven blue herons 42 lanterns"


async def test_right_password_leads_to_the_inbox(registered: Register) -> None:
    browser = (await registered()).elsewhere()
    answer = await sign_in(browser, " Bob@Example.COM ", PASSWORD)
    assert (answer.status, answer.to) == (303, "/")
    assert (await browser.get("/")).to == "/inbox"
    assert "Bob Example" in (await browser.get("/inbox")).text


async def test_unknown_wrong_and_locked_get_the_same_bytes(registered: Register, db: Database, clock: Clock) -> None:
    person = await registered()

    async def answer_to(address: str, password: str) -> bytes:
        browser = person.elsewhere()
        browser.jar["__Host-safemail-pre"] = "same"
        answer = await sign_in(browser, address, password)
        assert answer.status == 401
        assert "__Host-safemail" not in browser.jar
        return answer.body.replace(address.encode(), b"")

    wrong = await answer_to(BOB, WRONG)
    unknown = await answer_to("eve@example.com", WRONG)
    unreadable = await answer_to("not an address", WRONG)
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.LOCKED, locked_at=clock()))
    locked = await answer_to(BOB, PASSWORD)
    assert wrong == unknown == unreadable == locked


@pytest.mark.parametrize(("failures", "gets_in"), [(9, True), (10, False), (11, False)])
async def test_tenth_failure_of_strangers_locks(registered: Register, failures: int, gets_in: bool) -> None:
    person = await registered()
    for _ in range(failures):
        assert (await sign_in(person.elsewhere(), BOB, WRONG)).status == 401
    answer = await sign_in(person.elsewhere(), BOB, PASSWORD)
    assert (answer.status == 303) is gets_in


async def test_strangers_do_not_lock_out_a_known_device(registered: Register, db: Database) -> None:
    person = await registered()
    for _ in range(12):
        await sign_in(person.elsewhere(), BOB, WRONG)
    await person.browser.get("/inbox")
    await person.browser.post("/sign-out")
    assert (await sign_in(person.browser, BOB, PASSWORD)).status == 303
    async with db.reading() as session:
        assert (await session.scalars(select(Account.state))).one() is AccountState.LOCKED


@pytest.mark.parametrize(("failures", "gets_in"), [(9, True), (10, False)])
async def test_known_device_has_ten_tries_of_its_own(
    registered: Register, db: Database, clock: Clock, failures: int, gets_in: bool
) -> None:
    person = await registered()
    await person.browser.get("/inbox")
    await person.browser.post("/sign-out")
    for _ in range(failures):
        await sign_in(person.browser, BOB, WRONG)
    async with db.writing() as session:
        assert (await session.scalars(select(Account.failures))).one() == 0
        await session.execute(update(Account).values(state=AccountState.LOCKED, locked_at=clock()))
    assert ((await sign_in(person.browser, BOB, PASSWORD)).status == 303) is gets_in


async def test_device_of_one_account_is_a_stranger_to_another(registered: Register, db: Database) -> None:
    bob = await registered()
    carol = await registered("carol@example.net")
    await bob.browser.get("/inbox")
    await bob.browser.post("/sign-out")
    await sign_in(bob.browser, "carol@example.net", WRONG)
    async with db.reading() as session:
        failed = (await session.scalars(select(Account.id).where(Account.failures == 1))).one()
        carols = (
            await session.scalars(select(Delivery.recipient_id).where(Delivery.id == carol.notice.delivery_id))
        ).one()
    assert failed == carols


async def test_success_gives_strangers_tries_back(registered: Register, db: Database) -> None:
    person = await registered()
    for _ in range(9):
        await sign_in(person.elsewhere(), BOB, WRONG)
    await sign_in(person.elsewhere(), BOB, PASSWORD)
    async with db.reading() as session:
        assert (await session.scalars(select(Account.failures))).one() == 0


async def test_help_desk_unlocks(registered: Register, db: Database, rings: dict[str, KeyRing], clock: Clock) -> None:
    person = await registered()
    for _ in range(10):
        await sign_in(person.elsewhere(), BOB, WRONG)
    async with db.writing() as session:
        assert await unlock_account(session, rings["admin"], "BOB@example.com", clock())
        assert not await unlock_account(session, rings["admin"], "nobody@example.com", clock())
        assert not await unlock_account(session, rings["admin"], "nonsense", clock())
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 303


async def test_switched_off_account_says_so_only_after_the_right_password(registered: Register, db: Database) -> None:
    person = await registered()
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.DISABLED))
    assert (await person.browser.get("/inbox")).to == "/sign-in?out=time"
    assert (await sign_in(person.elsewhere(), BOB, WRONG)).status == 401
    answer = await sign_in(person.elsewhere(), BOB, PASSWORD)
    assert answer.status == 403
    assert "Your account is switched off" in answer.text


async def test_hundredth_failure_from_one_network_waits(registered: Register) -> None:
    person = await registered()
    browser = person.elsewhere()
    await browser.get("/sign-in")
    proof = browser.csrf
    for _ in range(100):
        assert (await browser.post("/sign-in", csrf=proof, email="eve@example.com", password="x")).status == 401
    answer = await browser.post("/sign-in", csrf=proof, email=BOB, password=PASSWORD)
    assert answer.status == 429
    assert "Wait 36 seconds" in answer.text


@pytest.mark.parametrize(
    ("after", "alive"), [(timedelta(minutes=14, seconds=59), True), (timedelta(minutes=15), False)]
)
async def test_session_ends_after_fifteen_minutes_without_a_sign_of_life(
    registered: Register, clock: Clock, after: timedelta, alive: bool
) -> None:
    browser = (await registered()).browser
    clock.advance(after)
    answer = await browser.get("/inbox")
    assert (answer.status == 200) is alive
    if not alive:
        assert answer.to == "/sign-in?out=time"
        page = await browser.get(answer.to)
        assert "You were signed out because nothing happened for 15 minutes." in page.text


async def test_each_page_is_a_sign_of_life_written_once_a_minute(
    registered: Register, clock: Clock, db: Database
) -> None:
    browser = (await registered()).browser

    async def seen() -> timedelta:
        async with db.reading() as session:
            return clock() - (await session.scalars(select(Session.seen_at))).one()

    clock.advance(timedelta(seconds=59))
    await browser.get("/inbox")
    assert await seen() == timedelta(seconds=59)
    clock.advance(timedelta(seconds=1))
    await browser.get("/inbox")
    assert await seen() == timedelta(0)


async def test_session_ends_after_eight_hours_whatever_happens(registered: Register, clock: Clock) -> None:
    browser = (await registered()).browser
    for _ in range(47):
        clock.advance(timedelta(minutes=10))
        assert (await browser.get("/inbox")).status == 200
    clock.advance(timedelta(minutes=9, seconds=59))
    assert (await browser.get("/inbox")).status == 200
    clock.advance(timedelta(seconds=1))
    assert (await browser.get("/inbox")).status == 303


async def test_page_leads_to_sign_in_when_its_session_ends_and_back(registered: Register, clock: Clock) -> None:
    person = await registered()
    page = await person.browser.get(person.notice.message)
    wanted = (
        f'<noscript><meta http-equiv="refresh" content="905; url=/sign-in?out=time&amp;next={person.notice.message}">'
    )
    assert wanted in page.text
    clock.advance(timedelta(minutes=15, seconds=5))
    await person.browser.get(f"/sign-in?out=time&next={person.notice.message}")
    assert (await person.browser.post("/sign-in", email=BOB, password=PASSWORD)).to == person.notice.message


async def test_sign_in_page_is_no_sign_of_life(registered: Register, clock: Clock) -> None:
    browser = (await registered()).browser
    clock.advance(timedelta(minutes=10))
    page = await browser.get("/sign-in?out=time&next=/inbox")
    assert "You are signed in" in page.text
    assert 'content="305; url=/sign-in?out=time"' in page.text
    clock.advance(timedelta(minutes=5))
    assert (await browser.get("/inbox")).status == 303


async def test_deep_link_survives_the_sign_in(registered: Register) -> None:
    person = await registered()
    browser = person.elsewhere()
    assert (await browser.get(person.notice.message + "/reply")).to == "/sign-in"
    assert (await sign_in(browser, BOB, PASSWORD)).to == person.notice.message + "/reply"


@pytest.mark.parametrize(
    "wish",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\t//evil.example", "https:evil.example", "/%2Fevil",
     "/nothing", "javascript:alert(1)", "/sign-in", "/inbox\r\nX: y", "/static/app.css", "/d/abc", "/" + "x" * 2000],
)  # fmt: skip
async def test_no_way_out_to_another_site(registered: Register, wish: str) -> None:
    browser = (await registered()).elsewhere()
    browser.jar["__Host-safemail-next"] = wish.replace("\r\n", "%0D%0A").replace("\t", "%09")
    answer = await sign_in(browser, BOB, PASSWORD)
    assert answer.to == "/"


async def test_next_in_the_address_is_one_of_our_pages(registered: Register) -> None:
    browser = (await registered()).elsewhere()
    await browser.get("/sign-in?next=//evil.example")
    await browser.get("/sign-in?next=https://evil.example")
    assert "__Host-safemail-next" not in browser.jar
    await browser.get("/sign-in?next=/inbox")
    assert (await browser.post("/sign-in", email=BOB, password=PASSWORD)).to == "/inbox"


async def test_signing_out_ends_the_session_and_clears_the_browser(registered: Register, db: Database) -> None:
    browser = (await registered()).browser
    old = dict(browser.jar)
    await browser.get("/inbox")
    answer = await browser.post("/sign-out")
    assert answer.to == "/sign-in?out=self"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "__Host-safemail" not in browser.jar
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 0
    browser.jar = old
    assert (await browser.get("/inbox")).status == 303
    assert "You are signed out." in (await browser.get("/sign-in?out=self")).text


async def test_each_sign_in_gets_a_new_session(registered: Register) -> None:
    person = await registered()
    first, second = person.elsewhere(), person.elsewhere()
    await sign_in(first, BOB, PASSWORD)
    second.jar["__Host-safemail"] = "chosen-by-eve"
    await sign_in(second, BOB, PASSWORD)
    assert second.jar["__Host-safemail"] not in {first.jar["__Host-safemail"], "chosen-by-eve"}


async def test_session_stays_when_asked(registered: Register, clock: Clock) -> None:
    browser = (await registered()).browser
    await browser.get("/inbox")
    clock.advance(timedelta(minutes=14))
    answer = await browser.post("/stay")
    assert answer.body == b'{"seconds":900}\n'
    clock.advance(timedelta(minutes=14))
    assert (await browser.get("/inbox")).status == 200


async def test_key_of_a_session_leaves_memory_with_it(registered: Register, app: Quart, clock: Clock) -> None:
    keys = app.extensions["safemail"].keys
    browser = (await registered()).browser
    await browser.get("/inbox")
    assert len(keys.kept) == 1
    await browser.post("/sign-out")
    assert not keys.kept
    await sign_in(browser, BOB, PASSWORD)
    await browser.get("/inbox")
    clock.advance(timedelta(minutes=20))
    other = (await registered("carol@example.net")).browser
    await other.get("/inbox")
    assert len(keys.kept) == 1
