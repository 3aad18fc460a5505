"""The end of an account, by its owner: asked for the password again, gone at once, told by mail."""

import pytest
from sqlalchemy import func, select

from service.blobs import Blobs
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Blob, Delivery, Message
from service.retention import sweep
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, Register, Told, sign_in

CLOSE = "/preferences/data/close"


async def test_an_owner_ends_their_account(
    registered: Register, db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock, told: Told
) -> None:
    person = await registered()
    other = person.elsewhere()
    await sign_in(other, BOB, PASSWORD)
    page = await person.browser.get(CLOSE)
    assert "Copies in state offices stay." in page.text
    answer = await person.browser.post(CLOSE, password=PASSWORD)
    assert (answer.status, answer.to) == (303, "/preferences/closed")
    assert "__Host-safemail" not in person.browser.jar
    assert "__Host-safemail-device" not in person.browser.jar
    page = await person.browser.get(answer.to)
    assert "Your account is deleted" in page.text
    assert "Bob" not in page.text
    assert (await other.get("/inbox")).to.startswith("/sign-in")
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 401
    [letter] = [one for one in await told() if one.get("kind") == "closed"]
    assert (letter["to"], letter["language"]) == (BOB, "en")
    await sweep(db, rings["sync"], blobs, clock())
    async with db.reading() as session:
        for table in (Account, Delivery, Message, Blob):
            assert await session.scalar(select(func.count()).select_from(table)) == 0, table
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.verb == "account.close"))).one()
    assert entry.actor == "portal"


async def test_mail_to_the_same_address_begins_anew(registered: Register, db: Database) -> None:
    person = await registered()
    await person.browser.get(CLOSE)
    await person.browser.post(CLOSE, password=PASSWORD)
    again = await registered()
    assert again.notice.delivery_id != person.notice.delivery_id
    assert (await again.browser.get("/inbox")).text.count('class="sm-subj"') == 1
    assert (await again.browser.get(person.notice.message)).status == 404
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Account)) == 1


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper()])
async def test_without_the_password_nothing_ends(registered: Register, password: str) -> None:
    person = await registered()
    await person.browser.get(CLOSE)
    answer = await person.browser.post(CLOSE, password=password)
    assert answer.status == 422
    assert "That is not your password." in answer.text
    assert (await person.browser.get("/inbox")).status == 200


async def test_an_old_page_ends_nothing(registered: Register) -> None:
    person = await registered()
    await person.browser.get(CLOSE)
    answer = await person.browser.post(CLOSE, csrf="0" * 64, password=PASSWORD)
    assert answer.status == 400
    assert "This page was open too long." in answer.text
    assert (await person.browser.get("/inbox")).status == 200


async def test_guessing_the_password_ends_the_session_not_the_account(registered: Register) -> None:
    person = await registered()
    await person.browser.get(CLOSE)
    proof = person.browser.csrf
    for _ in range(9):
        assert (await person.browser.post(CLOSE, csrf=proof, password="wrong")).status == 422
    answer = await person.browser.post(CLOSE, csrf=proof, password="wrong")
    assert (answer.status, answer.to) == (303, "/sign-in?out=code")
    assert (await person.browser.get("/inbox")).status == 303


async def test_the_page_after_the_end_says_nothing_to_who_has_an_account(registered: Register) -> None:
    person = await registered()
    assert (await person.browser.get("/preferences/closed")).to == "/preferences"
    assert (await person.elsewhere().get("/preferences/closed")).status == 200
