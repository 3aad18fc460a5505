"""Password and hint in the preferences: the rules of the door, and a hint by itself."""

import pytest
from quart import Quart
from sqlalchemy import select

from service.blobs import Blobs
from service.db.engine import Database
from service.db.tables import Account
from service.portal.app import create_app
from service.settings import PortalSettings
from service.vault.box import open_box
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, Browser, Register, Told, sign_in

PAGE, HINT = "/preferences/password", "/preferences/password/hint"
NEW = "green paper boats 17 kites"


async def hint_of(db: Database, rings: dict[str, KeyRing]) -> str:
    async with db.reading() as session:
        account = (await session.scalars(select(Account))).one()
    return open_box(rings["sync"], f"hint/{account.id.hex}", account.hint).decode() if account.hint else ""


async def test_a_new_password_keeps_this_browser_in_and_ends_the_others(registered: Register) -> None:
    person = await registered()
    other = person.elsewhere()
    await sign_in(other, BOB, PASSWORD)
    await person.browser.get(PAGE)
    answer = await person.browser.post(PAGE, current=PASSWORD, password=NEW, confirm=NEW)
    assert (answer.status, answer.to) == (303, f"{PAGE}?saved=1")
    assert "Saved." in (await person.browser.get(answer.to)).text
    assert (await other.get("/inbox")).status == 303
    assert (await sign_in(person.elsewhere(), BOB, NEW)).status == 303


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"current": "wrong one"}, "That is not your current password."),
        ({"password": PASSWORD, "confirm": PASSWORD}, "That is your current password. Choose a new one."),
        ({"confirm": "other"}, "The two passwords are not the same."),
        ({"password": "short", "confirm": "short"}, "Use at least 12 characters. You have 5."),
    ],
)
async def test_refusals_say_why(registered: Register, form: dict[str, str], words: str) -> None:
    person = await registered()
    await person.browser.get(PAGE)
    answer = await person.browser.post(PAGE, **{"current": PASSWORD, "password": NEW, "confirm": NEW, **form})
    assert answer.status == 422
    assert words in answer.text
    assert NEW not in answer.text


async def test_a_hint_is_changed_and_taken_away_alone(
    registered: Register, db: Database, rings: dict[str, KeyRing]
) -> None:
    person = await registered()
    assert "You have no hint." in (await person.browser.get(PAGE)).text
    answer = await person.browser.post(HINT, hint_current=PASSWORD, hint="birds, and what lights them")
    assert answer.to == f"{PAGE}?saved=1"
    assert await hint_of(db, rings) == "birds, and what lights them"
    page = await person.browser.get(PAGE)
    assert "You have a hint." in page.text
    assert "birds" not in page.text
    await person.browser.post(HINT, hint_current=PASSWORD, hint="")
    assert await hint_of(db, rings) == ""


async def test_owner_is_told_that_the_hint_changed_and_nothing_of_it(registered: Register, told: Told) -> None:
    person = await registered()
    await person.browser.get(PAGE)
    proof = person.browser.csrf
    for typed, current, letters in (
        ("", PASSWORD, 0),  # there was none
        ("birds and light", "wrong one", 0),
        ("birds and light", PASSWORD, 1),
        ("", PASSWORD, 2),
        ("", PASSWORD, 2),
    ):
        await person.browser.post(HINT, csrf=proof, hint_current=current, hint=typed)
        assert [letter["kind"] for letter in await told()] == ["hint_changed"] * letters
    assert "birds" not in str(await told())


@pytest.mark.parametrize(
    ("hint", "current", "words"),
    [
        ("birds", "wrong", "That is not your current password."),
        (f"it is {PASSWORD}", PASSWORD, "Your hint must not contain your password."),
        ("x" * 201, PASSWORD, "Use at most 200 characters."),
    ],
)
async def test_a_hint_that_tells_too_much_is_refused(
    registered: Register, db: Database, rings: dict[str, KeyRing], hint: str, current: str, words: str
) -> None:
    person = await registered()
    await person.browser.get(PAGE)
    answer = await person.browser.post(HINT, hint_current=current, hint=hint)
    assert answer.status == 422
    assert words in answer.text
    assert await hint_of(db, rings) == ""


async def test_a_hint_of_two_hundred_characters_is_taken(
    registered: Register, db: Database, rings: dict[str, KeyRing]
) -> None:
    person = await registered()
    await person.browser.get(PAGE)
    assert (await person.browser.post(HINT, hint_current=PASSWORD, hint="x" * 200)).status == 303
    assert await hint_of(db, rings) == "x" * 200


@pytest.fixture
def modern(settings: PortalSettings, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock) -> Quart:
    return create_app(settings.model_copy(update={"account_policy": "modern"}), db, blobs, rings["portal"], clock)


async def test_the_modern_profile_has_neither_hint_nor_end(registered: Register, modern: Quart) -> None:
    person = await registered()
    browser = Browser(modern, jar=person.browser.jar)
    page = await browser.get(PAGE)
    assert "good for" not in page.text
    assert "Password hint" not in page.text
    assert "Password and hint" not in page.text
    assert 'name="hint"' not in page.text
    assert (await browser.post(HINT, hint_current=PASSWORD, hint="birds")).status == 404
