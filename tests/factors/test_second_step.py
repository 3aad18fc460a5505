"""Codes on: the right password alone opens nothing, each code works once, and guessing ends soon."""

from datetime import timedelta

import pytest
from pyotp import TOTP
from sqlalchemy import func, select, update

from service.accounts.lock import turn_codes_off
from service.core.limits import STEP_LIFE
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, Challenge, Device, RecoveryCode, Session
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.factors.conftest import SECURITY, Secure, Secured, codes_of, key_of, start
from tests.mailbox.builders import BOB, CAROL
from tests.portal.conftest import PASSWORD, Browser, Register, Seen, Told, sign_in
from tests.portal.test_reset import NEW, SECOND, a_link, save

ANOTHER = "seven blue herons 42 lanterns"


async def give(browser: Browser, code: str) -> Seen:
    return await browser.post("/sign-in/code", code=code)


async def give_recovery(browser: Browser, code: str) -> Seen:
    return await browser.post("/sign-in/code", recovery=code)


def a_wrong(bob: Secured) -> str:
    """No code of the steps around."""
    taken = {bob.code(steps) for steps in range(-3, 4)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in taken)


async def sessions(db: Database) -> int:
    async with db.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(Session)) or 0)


async def test_right_password_opens_nothing_until_the_code(secured: Secure, stranger: Browser, db: Database) -> None:
    bob = await secured()
    before = await sessions(db)
    page = await bob.password(stranger)
    assert "Enter the 6-digit code from your app." in page.text
    assert 'autocomplete="one-time-code"' in page.text
    assert "__Host-safemail" not in stranger.jar
    assert await sessions(db) == before
    assert (await stranger.get("/inbox")).status == 303
    await stranger.get("/sign-in/code")
    assert (await give(stranger, bob.code())).to == "/inbox"
    assert (await stranger.get("/inbox")).status == 200
    assert "__Host-safemail-step" not in stranger.jar
    assert await sessions(db) == before + 1


async def test_code_leads_to_where_somebody_wanted_to_go(secured: Secure, stranger: Browser) -> None:
    bob = await secured()
    await stranger.get(bob.person.notice.message + "/reply")
    await bob.password(stranger)
    assert (await give(stranger, bob.code())).to == bob.person.notice.message + "/reply"


async def test_code_may_be_pasted_with_blanks(secured: Secure, stranger: Browser) -> None:
    bob = await secured()
    await bob.password(stranger)
    code = bob.code()
    assert (await give(stranger, f" {code[:3]} {code[3:]} ")).status == 303


async def test_wrong_password_looks_as_before_codes(secured: Secure, stranger: Browser, db: Database) -> None:
    await secured()
    stranger.jar["__Host-safemail-pre"] = "same"
    wrong = await sign_in(stranger, BOB, ANOTHER)
    unknown = await sign_in(stranger, "eve@example.com", ANOTHER)
    assert (wrong.status, unknown.status) == (401, 401)
    assert wrong.body.replace(BOB.encode(), b"") == unknown.body.replace(b"eve@example.com", b"")
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Challenge)) == 0


async def test_step_belongs_to_the_browser_that_gave_the_password(secured: Secure, stranger: Browser) -> None:
    bob = await secured()
    await bob.password(stranger)
    thief = bob.person.elsewhere()
    await thief.get("/sign-in")
    assert (await give(thief, bob.code())).to == "/sign-in?out=code"


@pytest.mark.parametrize(("early", "works"), [(SECOND, True), (timedelta(0), False)])
async def test_step_lives_five_minutes(
    secured: Secure, stranger: Browser, clock: Clock, early: timedelta, works: bool
) -> None:
    bob = await secured()
    await bob.password(stranger)
    clock.advance(STEP_LIFE - early)
    assert (await give(stranger, bob.code())).to == ("/" if works else "/sign-in?out=code")


@pytest.mark.parametrize(
    ("seconds", "works"),
    [(-31, False), (-30, True), (0, True), (59, True), (60, False)],
    ids=["too early", "just not too early", "in time", "just not too late", "too late"],
)
async def test_code_counts_one_step_before_and_after_its_own(
    secured: Secure, stranger: Browser, clock: Clock, seconds: int, works: bool
) -> None:
    """Codes last 30 seconds; this one's begin on the full minute."""
    bob = await secured()
    code = bob.code()
    clock.advance(timedelta(seconds=seconds))
    await bob.password(stranger)
    assert (await give(stranger, code)).status == (303 if works else 422)


async def test_code_that_proved_the_app_opens_nothing(registered: Register, stranger: Browser, clock: Clock) -> None:
    person = await registered()
    totp = TOTP(key_of(await start(person.browser)))
    code = totp.at(clock())
    await person.browser.post(f"{SECURITY}/authenticator", code=code)
    await sign_in(stranger, BOB, PASSWORD)
    await stranger.get("/sign-in/code")
    assert (await give(stranger, code)).status == 422
    assert (await give(stranger, totp.at(clock(), counter_offset=1))).status == 303


async def test_code_is_taken_once_and_none_before_it(secured: Secure) -> None:
    bob = await secured()
    first, second = bob.person.elsewhere(), bob.person.elsewhere()
    await bob.password(first)
    await bob.password(second)
    assert (await give(first, bob.code())).status == 303
    assert (await give(second, bob.code())).status == 422
    assert (await give(second, bob.code(-1))).status == 422
    assert (await give(second, bob.code(1))).status == 303


async def test_fifth_wrong_code_asks_for_the_password_again(secured: Secure, stranger: Browser) -> None:
    bob = await secured()
    await bob.password(stranger)
    for left in ("4 tries left", "3 tries left", "2 tries left", "1 try left"):
        answer = await give(stranger, a_wrong(bob))
        assert answer.status == 422
        assert left in answer.text
    assert (await give(stranger, a_wrong(bob))).to == "/sign-in?out=code"
    assert "too many wrong tries" in (await stranger.get("/sign-in?out=code")).text
    assert (await give(stranger, bob.code())).to == "/sign-in?out=code"


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦"])
async def test_what_is_no_code_costs_no_try(secured: Secure, stranger: Browser, db: Database, code: str) -> None:
    bob = await secured()
    await bob.password(stranger)
    answer = await give(stranger, code)
    assert answer.status == 422
    async with db.reading() as session:
        assert (await session.scalars(select(Challenge.tries))).one() == 0


@pytest.mark.parametrize(("failures", "state"), [(9, AccountState.ACTIVE), (10, AccountState.LOCKED)])
async def test_wrong_codes_of_strangers_lock_like_wrong_passwords(
    secured: Secure, db: Database, told: Told, failures: int, state: AccountState
) -> None:
    bob = await secured()
    browser = bob.person.elsewhere()
    for number in range(failures):
        if number % 5 == 0:
            await bob.password(browser)
        await give(browser, a_wrong(bob))
    async with db.reading() as session:
        account = (await session.scalars(select(Account))).one()
    assert (account.state, account.failures) == (state, failures)
    is_locked = state is AccountState.LOCKED
    assert (await told())[-1]["kind"] == ("locked" if is_locked else "factor_added")
    assert (await sign_in(browser, BOB, PASSWORD)).status == (401 if is_locked else 303)


async def test_lock_in_between_shuts_the_second_step_to_strangers(
    secured: Secure, stranger: Browser, db: Database, clock: Clock
) -> None:
    bob = await secured()
    await bob.password(stranger)
    await bob.browser.get("/inbox")
    await bob.browser.post("/sign-out")
    await bob.password(bob.browser)
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.LOCKED, locked_at=clock()))
    assert (await give(stranger, bob.code())).to == "/sign-in?out=code"
    assert (await give(bob.browser, bob.code())).status == 303


async def test_known_device_has_its_own_tries_at_the_second_step(secured: Secure, db: Database) -> None:
    bob = await secured()
    await bob.browser.get("/inbox")
    await bob.browser.post("/sign-out")
    for number in range(9):
        if number % 5 == 0:
            await bob.password(bob.browser)
        await give(bob.browser, a_wrong(bob))
    async with db.reading() as session:
        assert (await session.scalars(select(Account.failures))).one() == 0
        assert (await session.scalars(select(Device.failures))).one() == 9
    assert (await give(bob.browser, bob.code())).status == 303
    async with db.reading() as session:
        assert (await session.scalars(select(Device.failures))).one() == 0


@pytest.mark.parametrize(("wrong", "status"), [(19, 303), (20, 429)])
async def test_twenty_wrong_codes_a_day_even_where_a_reset_unlocks(
    secured: Secure, db: Database, wrong: int, status: int
) -> None:
    bob = await secured()
    browser = bob.person.elsewhere()
    for number in range(wrong):
        if number % 5 == 0:
            async with db.writing() as session:
                await session.execute(update(Account).values(failures=0, state=AccountState.ACTIVE))
            await bob.password(browser)
        assert (await give(browser, a_wrong(bob))).status in {303, 422}
    async with db.writing() as session:
        await session.execute(update(Account).values(failures=0, state=AccountState.ACTIVE))
    await bob.password(browser)
    assert (await give(browser, bob.code())).status == status
    if status == 429:
        await browser.get("/sign-in/code")
        assert (await give_recovery(browser, bob.codes[0])).status == 303


async def test_recovery_code_opens_once_and_its_owner_is_told(
    secured: Secure, stranger: Browser, told: Told, db: Database
) -> None:
    bob = await secured()
    assert len(set(bob.codes)) == 10
    await bob.password(stranger)
    typed = bob.codes[3].lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert (await give_recovery(stranger, typed)).status == 303
    assert [letter["kind"] for letter in await told()] == ["factor_added", "recovery_code_used"]
    assert "9 of 10 left" in (await stranger.get(SECURITY)).text
    other = bob.person.elsewhere()
    await bob.password(other)
    again = await give_recovery(other, bob.codes[3])
    assert again.status == 422
    assert "That recovery code is not right, or it was used. 4 tries left." in again.text
    assert '<details class="sm-forgot" open>' in again.text
    async with db.reading() as session:
        kept = (await session.scalars(select(RecoveryCode.code))).all()
    assert all(bob.codes[0].replace("-", "").encode() not in code for code in kept)


async def test_recovery_code_of_somebody_else_is_wrong(secured: Secure, registered: Register, clock: Clock) -> None:
    bob = await secured()
    carol = await registered(CAROL)
    totp = TOTP(key_of(await start(carol.browser)))
    codes = codes_of(await carol.browser.post(f"{SECURITY}/authenticator", code=totp.at(clock())))
    browser = bob.person.elsewhere()
    await bob.password(browser)
    assert (await give_recovery(browser, codes[0])).status == 422


async def test_mailed_link_does_not_go_around_the_code(
    secured: Secure, stranger: Browser, told: Told, db: Database
) -> None:
    bob = await secured()
    await stranger.get(await a_link(bob.person, told))
    await stranger.get("/reset")
    answer = await save(stranger)
    assert answer.to == "/sign-in/code"
    assert await sessions(db) == 0
    assert (await stranger.get("/inbox")).status == 303
    assert (await stranger.get("/sign-in/code")).status == 200
    assert (await give(stranger, bob.code())).status == 303
    assert (await stranger.get("/inbox")).status == 200
    other = bob.person.elsewhere()
    assert (await sign_in(other, BOB, NEW)).to == "/sign-in/code"


async def test_recovery_code_serves_after_a_mailed_link(secured: Secure, stranger: Browser, told: Told) -> None:
    bob = await secured()
    await stranger.get(await a_link(bob.person, told))
    await stranger.get("/reset")
    await stranger.get((await save(stranger)).to)
    assert (await give_recovery(stranger, bob.codes[0])).status == 303


async def test_step_ends_when_the_password_is_changed(
    secured: Secure, stranger: Browser, told: Told, clock: Clock
) -> None:
    bob = await secured()
    thief = bob.person.elsewhere()
    await bob.password(thief)
    clock.advance(SECOND)
    await stranger.get(await a_link(bob.person, told))
    await stranger.get("/reset")
    await save(stranger)
    assert (await give(thief, bob.code())).to == "/sign-in?out=code"


async def test_step_ends_when_codes_are_turned_off_or_the_account_is_switched_off(
    secured: Secure, stranger: Browser, db: Database
) -> None:
    bob = await secured()
    await bob.password(stranger)
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.DISABLED))
    assert (await give(stranger, bob.code())).to == "/sign-in?out=code"
    assert (await stranger.get("/sign-in/code")).to == "/sign-in"


async def test_step_that_was_moved_to_another_account_opens_nothing(
    secured: Secure, registered: Register, stranger: Browser, db: Database
) -> None:
    bob = await secured()
    await registered(CAROL)
    await bob.password(stranger)
    async with db.writing() as session:
        carols = select(Account.id).where(Account.authenticator.is_(None)).scalar_subquery()
        await session.execute(update(Challenge).values(account_id=carols))
    assert (await give(stranger, bob.code())).to == "/sign-in?out=code"


async def test_form_that_is_too_old_keeps_the_code_and_counts_nothing(
    secured: Secure, stranger: Browser, db: Database
) -> None:
    bob = await secured()
    await bob.password(stranger)
    answer = await stranger.post("/sign-in/code", csrf="forged", code="123456")
    assert answer.status == 400
    assert 'value="123456"' in answer.text
    async with db.reading() as session:
        assert (await session.scalars(select(Challenge.tries))).one() == 0


async def test_new_browser_is_told_by_mail_unless_its_owner_does_not_want_it(
    registered: Register, told: Told, db: Database
) -> None:
    person = await registered()
    assert await told() == []
    browser = person.elsewhere()
    await sign_in(browser, BOB, PASSWORD)
    assert [letter["kind"] for letter in await told()] == ["new_device"]
    await browser.get("/inbox")
    await browser.post("/sign-out")
    await sign_in(browser, BOB, PASSWORD)
    async with db.writing() as session:
        await session.execute(update(Account).values(preferences='{"tell_new_device":false}'))
    await sign_in(person.elsewhere(), BOB, PASSWORD)
    assert len(await told()) == 1


async def test_help_desk_turns_codes_off_and_the_password_is_still_asked_for(
    secured: Secure, db: Database, told: Told, rings: dict[str, KeyRing], clock: Clock
) -> None:
    bob = await secured()
    async with db.writing() as session:
        assert await turn_codes_off(session, rings["admin"], BOB.upper(), clock())
        assert not await turn_codes_off(session, rings["admin"], BOB, clock())
        assert not await turn_codes_off(session, rings["admin"], "nobody@example.com", clock())
        assert not await turn_codes_off(session, rings["admin"], "nonsense", clock())
    assert (await bob.browser.get("/inbox")).status == 303
    other = bob.person.elsewhere()
    assert (await sign_in(other, BOB, ANOTHER)).status == 401
    assert (await sign_in(other, BOB, PASSWORD)).to == "/"
    letters = [letter for letter in await told() if letter["kind"] == "factor_removed"]
    assert [letter["factor"] for letter in letters] == ["authenticator"]
