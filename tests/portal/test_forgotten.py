"""Asking for a hint or a link: one answer for every address, a few letters an hour, and nothing typed is mailed to."""

from datetime import timedelta

import pytest
from quart import Quart
from sqlalchemy import func, select, update

from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, Outbox, Recipient, Reset
from service.portal.app import create_app
from service.settings import PortalSettings
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, Browser, Register, Seen, Told, sign_in
from tests.portal.test_doors import rows

WORDS = "If that address has an account, a mail is on its way."
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36"


async def ask(browser: Browser, what: str, email: str = BOB) -> Seen:
    await browser.get("/sign-in")
    return await browser.post(f"/forgot/{what}", email=email)


@pytest.mark.parametrize("what", ["hint", "reset"])
async def test_every_address_gets_the_same_bytes(
    registered: Register, db: Database, clock: Clock, told: Told, what: str
) -> None:
    person = await registered()

    async def answer_to(address: str) -> bytes:
        browser = person.elsewhere()
        browser.jar["__Host-safemail-pre"] = "same"
        answer = await ask(browser, what, address)
        assert answer.status == 200
        assert not answer.headers.getlist("Set-Cookie")
        return answer.body.replace(address.encode(), b"")

    known = await answer_to(BOB)
    assert WORDS.encode() in known
    others = [await answer_to(address) for address in ("eve@example.com", "not an address", "x" * 300)]
    clock.advance(timedelta(hours=2))
    for state in (AccountState.LOCKED, AccountState.DISABLED):
        async with db.writing() as session:
            await session.execute(update(Account).values(state=state))
        others.append(await answer_to(BOB))
    async with db.writing() as session:
        await session.execute(update(Recipient).values(ended_at=clock()))
    others.append(await answer_to(BOB))
    assert {known} == set(others)
    assert [letter["kind"] for letter in await told()] == [what] * 3  # active, locked, switched off


@pytest.mark.parametrize("what", ["hint", "reset"])
async def test_letter_goes_to_the_account_and_says_where_it_was_asked_for(
    registered: Register, told: Told, db: Database, what: str
) -> None:
    person = await registered()
    browser = person.elsewhere()
    await browser.get("/sign-in")
    await browser._send(
        "POST",
        f"/forgot/{what}",
        {"Sec-Fetch-Site": "same-origin", "User-Agent": CHROME},
        {"csrf": browser.csrf, "email": " BOB@Example.com ", "password": PASSWORD},
    )
    [letter] = await told()
    async with db.reading() as session:
        assert letter["whose"] == await session.scalar(select(Account.id))
    assert (letter["kind"], letter["browser"], letter["system"]) == (what, "Chrome", "Windows")
    assert letter["unlocks"] is True
    assert "to" not in letter
    assert PASSWORD not in str(letter)


async def test_asking_signs_nobody_in_and_counts_no_failure(registered: Register, db: Database) -> None:
    person = await registered()
    browser = person.elsewhere()
    for _ in range(12):
        await ask(browser, "reset")
    async with db.reading() as session:
        account = (await session.scalars(select(Account))).one()
        assert (account.state, account.failures) == (AccountState.ACTIVE, 0)
    assert (await browser.get("/inbox")).status == 303


async def test_old_password_works_until_the_link_is_used(registered: Register) -> None:
    person = await registered()
    await ask(person.elsewhere(), "reset")
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 303


async def test_three_letters_in_any_hour_and_no_fourth(registered: Register, told: Told, clock: Clock) -> None:
    person = await registered()
    for minutes, letters in ((0, 1), (20, 2), (20, 3), (10, 3), (9, 3), (1, 4), (10, 4), (10, 5)):
        clock.advance(timedelta(minutes=minutes))
        answer = await ask(person.elsewhere(), "hint" if letters % 2 else "reset")
        assert WORDS in answer.text
        assert len(await told()) == letters


async def test_letters_to_one_address_leave_room_for_another(registered: Register, told: Told) -> None:
    bob, _ = await registered(), await registered("carol@example.net")
    for _ in range(4):
        await ask(bob.elsewhere(), "reset")
    await ask(bob.elsewhere(), "reset", "carol@example.net")
    assert len(await told()) == 4


async def test_thirty_questions_from_one_network_and_no_more(app: Quart, told: Told) -> None:
    browser = Browser(app)
    await browser.get("/sign-in")
    proof = browser.csrf
    for number in range(30):
        answer = await browser.post("/forgot/reset", csrf=proof, email=f"eve{number}@example.com")
        assert answer.status == 200
    answer = await browser.post("/forgot/reset", csrf=proof, email="eve30@example.com")
    assert answer.status == 429
    assert "Wait 120 seconds" in answer.text
    assert await told() == []


async def test_unknown_address_leaves_no_trace_but_its_limits(app: Quart, db: Database) -> None:
    await ask(Browser(app), "reset", "eve@example.com")
    async with db.reading() as session:
        for table in (Outbox, Reset, Recipient):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_address_is_asked_for_where_none_was_typed(app: Quart) -> None:
    answer = await ask(Browser(app), "reset", "  ")
    assert answer.status == 422
    assert "Type your email address first" in answer.text
    assert '<details class="sm-forgot" open>' in answer.text


async def test_typed_address_is_kept_and_escaped(app: Quart) -> None:
    answer = await ask(Browser(app), "hint", '"><script>x</script>')
    assert "<script>x" not in answer.text
    assert 'value="&#34;&gt;&lt;script&gt;x' in answer.text


@pytest.mark.parametrize("what", ["hint", "reset"])
async def test_stranger_without_our_page_mails_nothing(
    registered: Register, settings: PortalSettings, what: str
) -> None:
    person = await registered()
    before = rows(settings)
    answer = await person.elsewhere().send(
        f"/forgot/{what}", {"Sec-Fetch-Site": "same-origin"}, csrf="0" * 64, email=BOB
    )
    assert answer.status == 400
    assert f'value="{BOB}"' in answer.text
    assert rows(settings) == before


async def test_enter_presses_sign_in_and_no_script_is_needed(app: Quart) -> None:
    page = (await Browser(app).get("/sign-in")).text
    form = page[page.index('<form class="sm-sheet"') : page.index("</form>", page.index('<form class="sm-sheet"'))]
    first = form.index('type="submit"')
    assert first < form.index("formaction")
    assert form.count("formaction=") == form.count("formnovalidate") == 2
    assert '<details class="sm-forgot">' in form


async def test_modern_rules_know_no_hint(
    app: Quart, registered: Register, settings: PortalSettings, told: Told, db: Database, clock: Clock
) -> None:
    await registered()
    state = app.extensions["safemail"]
    modern = settings.model_copy(update={"account_policy": "modern"})
    browser = Browser(create_app(modern, db, state.blobs, state.ring, clock))
    page = await browser.get("/sign-in")
    assert "/forgot/hint" not in page.text
    assert "/forgot/reset" in page.text
    assert "Password Hint" not in (await browser.get("/help")).text
    assert (await ask(browser, "hint")).status == 404
    assert await told() == []
    await ask(browser, "reset")
    assert len(await told()) == 1


async def test_tenth_failure_tells_the_owner_once(registered: Register, told: Told) -> None:
    person = await registered()
    for number in range(12):
        await sign_in(person.elsewhere(), BOB, "wrong")
        assert [letter["kind"] for letter in await told()] == (["locked"] if number >= 9 else [])
