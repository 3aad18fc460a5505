"""A password has served its time after sixty days; a change ends all other sessions."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db.engine import Database
from service.db.tables import Account
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, Register, sign_in

NEW = "green paper boats 17 kites"


@pytest.mark.parametrize(("age", "asks"), [(timedelta(days=60, seconds=-1), False), (timedelta(days=60), True)])
async def test_sixty_days_ask_for_a_new_password(
    registered: Register, db: Database, clock: Clock, age: timedelta, asks: bool
) -> None:
    person = await registered()
    async with db.writing() as session:
        await session.execute(update(Account).values(password_at=clock() - age))
    answer = await person.browser.get(person.notice.message)
    assert (answer.to == "/password") is asks
    if asks:
        page = await person.browser.get("/password")
        assert "It is time for a new password. Yours is 60 days old." in page.text
        answer = await person.browser.post("/password", current=PASSWORD, password=NEW, confirm=NEW, hint="")
        assert answer.to == person.notice.message
        assert (await person.browser.get(person.notice.message)).status == 200


async def test_change_ends_the_other_sessions(registered: Register) -> None:
    person = await registered()
    other = person.elsewhere()
    await sign_in(other, BOB, PASSWORD)
    assert (await other.get("/inbox")).status == 200
    before = person.browser.jar["__Host-safemail"]
    await person.browser.get("/password")
    answer = await person.browser.post(
        "/password", current=PASSWORD, password=NEW, confirm=NEW, hint="boats, not ships"
    )
    assert (answer.status, answer.to) == (303, "/")
    assert person.browser.jar["__Host-safemail"] != before
    assert (await person.browser.get("/inbox")).status == 200
    assert (await other.get("/inbox")).status == 303
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 401
    assert (await sign_in(person.elsewhere(), BOB, NEW)).status == 303


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"current": "wrong one"}, "That is not your current password."),
        ({"password": PASSWORD, "confirm": PASSWORD}, "That is your current password. Choose a new one."),
        ({"confirm": "other"}, "The two passwords are not the same."),
        ({"password": "short", "confirm": "short"}, "Use at least 12 characters. You have 5."),
        ({"hint": NEW}, "Your password must not contain your hint."),
    ],
)
async def test_refusals_say_why(registered: Register, form: dict[str, str], words: str) -> None:
    person = await registered()
    await person.browser.get("/password")
    fields = {"current": PASSWORD, "password": NEW, "confirm": NEW, "hint": "", **form}
    answer = await person.browser.post("/password", **fields)
    assert answer.status == 422
    assert words in answer.text
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 303


async def test_guessing_the_current_password_ends_too(registered: Register) -> None:
    person = await registered()
    await person.browser.get("/password")
    proof = person.browser.csrf
    for _ in range(10):
        answer = await person.browser.post("/password", csrf=proof, current="x", password=NEW, confirm=NEW)
        assert answer.status == 422
    answer = await person.browser.post("/password", csrf=proof, current=PASSWORD, password=NEW, confirm=NEW)
    assert answer.status == 429
