"""What a state sets holds, and is what pages say: sessions, tries, the age of passwords, the life of links."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account
from service.portal.dates import lasting
from service.portal.language import speak
from service.settings import PortalSettings
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, Browser, Register, Told, sign_in
from tests.portal.test_reset import a_link

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
WRONG = "not the password"


@pytest.fixture
def settings(settings: PortalSettings) -> PortalSettings:
    return settings.model_copy(
        update={
            "session_idle": timedelta(minutes=5),
            "session_longest": timedelta(minutes=20),
            "failed_sign_ins": 4,
            "reset_unlocks": False,
            "password_age": timedelta(days=10),
            "reset_life": timedelta(hours=2),
            "retention": timedelta(days=12),
        }
    )


async def test_lists_say_how_long_messages_are_kept(registered: Register) -> None:
    browser = (await registered()).browser
    assert "Messages are kept for 12 days, then deleted" in (await browser.get("/inbox")).text
    assert "Los mensajes se guardan 12 días y" in (await browser.get("/inbox?lang=es")).text


@pytest.mark.parametrize(("after", "lives"), [(5 * MINUTE - SECOND, True), (5 * MINUTE, False)])
async def test_session_ends_when_nothing_happens_for_the_time_set(
    registered: Register, clock: Clock, after: timedelta, lives: bool
) -> None:
    browser = (await registered()).browser
    clock.advance(after)
    answer = await browser.get("/inbox")
    assert (answer.status == 200) is lives
    if not lives:
        assert "because nothing happened for 5 minutes." in (await browser.get(answer.to)).text


@pytest.mark.parametrize(("at_last", "lives"), [(4 * MINUTE - SECOND, True), (4 * MINUTE, False)])
async def test_session_ends_at_the_latest_after_the_time_set(
    registered: Register, clock: Clock, at_last: timedelta, lives: bool
) -> None:
    browser = (await registered()).browser
    for _ in range(4):
        clock.advance(4 * MINUTE)
        assert (await browser.get("/inbox")).status == 200
    clock.advance(at_last)
    assert ((await browser.get("/inbox")).status == 200) is lives


async def test_page_warns_and_extends_by_the_time_set(registered: Register, clock: Clock) -> None:
    browser = (await registered()).browser
    page = await browser.get("/inbox")
    assert 'data-seconds="300"' in page.text
    assert "You are signed out after 5 minutes without activity." in page.text
    clock.advance(24 * SECOND)
    await browser.get("/inbox")
    clock.advance(25 * SECOND)  # a sign of life is written each twelfth of so short a session
    assert '"seconds":300' in (await browser.post("/stay")).text.replace(" ", "")


@pytest.mark.parametrize(("failures", "gets_in"), [(3, True), (4, False)])
async def test_as_many_failures_as_set_lock(registered: Register, told: Told, failures: int, gets_in: bool) -> None:
    person = await registered()
    for _ in range(failures):
        assert (await sign_in(person.elsewhere(), BOB, WRONG)).status == 401
    assert ((await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 303) is gets_in
    assert [letter["tries"] for letter in await told() if letter["kind"] == "locked"] == ([] if gets_in else [4])
    if not gets_in:
        browser = person.elsewhere()
        page = await browser.follow(await browser.get(await a_link(person, told)))
        assert "There were 4 wrong tries." in page.text


@pytest.mark.parametrize(("failures", "gets_in"), [(3, True), (4, False)])
async def test_known_browser_has_as_many_tries_as_set(
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


@pytest.mark.parametrize(
    ("age", "asks"),
    [(timedelta(days=10) - SECOND, False), (timedelta(days=10), True), (timedelta(days=10, hours=3), True)],
)
async def test_password_is_asked_for_at_the_age_set(
    registered: Register, db: Database, clock: Clock, age: timedelta, asks: bool
) -> None:
    browser = (await registered()).browser
    async with db.writing() as session:
        await session.execute(update(Account).values(password_at=clock() - age))
    assert ((await browser.get("/inbox")).to == "/password") is asks
    if asks:
        assert "It is time for a new password. Yours is 10 days old." in (await browser.get("/password")).text
        browser.language = "es"
        assert "La suya tiene 10 días." in (await browser.get("/password?lang=es")).text


@pytest.mark.parametrize(("after", "works"), [(timedelta(hours=2) - SECOND, True), (timedelta(hours=2), False)])
async def test_link_to_a_new_password_works_for_the_time_set(
    registered: Register, told: Told, clock: Clock, after: timedelta, works: bool
) -> None:
    person = await registered()
    browser, link = person.elsewhere(), await a_link(person, told)
    clock.advance(after)
    answer = await browser.get(link)
    assert "Max-Age=7200" in str(answer.headers)
    page = await browser.follow(answer)
    assert (page.status == 200) is works
    assert ("This link was used already, or it is older than 2 hours." in page.text) is not works


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            [
                "for 5 minutes, and at the latest after 20 minutes.",
                "After 4 wrong tries",
                "After 10 days you choose",
                "once, for 2 hours.",
            ],
        ),
        (
            "es",
            [
                "durante 5 minutos, y a más tardar después de 20 minutos.",
                "Después de 4 intentos",
                "Después de 10 días elige",
                "una sola vez, durante 2 horas.",
            ],
        ),
    ],
)
async def test_help_says_what_is_set(browser: Browser, language: str, words: list[str]) -> None:
    page = await browser.get(f"/help/sign-in?lang={language}")
    text = re.sub(r"\s+", " ", page.text)
    assert [one for one in words if one not in text] == []


@pytest.mark.parametrize(
    ("span", "english", "spanish"),
    [
        (timedelta(minutes=59), "59 minutes", "59 minutos"),
        (timedelta(minutes=60), "1 hour", "1 hora"),
        (timedelta(minutes=90), "90 minutes", "90 minutos"),
        (timedelta(hours=24), "24 hours", "24 horas"),
        (timedelta(hours=36), "36 hours", "36 horas"),
        (timedelta(days=2), "2 days", "2 días"),
    ],
)
def test_spans_are_said_in_the_largest_whole_unit(span: timedelta, english: str, spanish: str) -> None:
    for language, words in (("en", english), ("es", spanish)):
        speak(language)
        assert lasting(span) == words
    speak("en")
