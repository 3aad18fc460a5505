"""An account that was switched off and wants codes: the mailbox and a new password alone do not open it."""

from typing import Any

from sqlalchemy import select, update

from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, Session
from tests.factors.conftest import Secure
from tests.portal.conftest import GiveNotice

NEW = "nine green canoes 52 thimbles"


async def test_code_of_the_app_is_asked_for_on_the_way_back(
    secured: Secure, a_notice: GiveNotice, letters: Any, db: Database
) -> None:
    known = await secured()
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.DISABLED, disabled_at=known.clock()))
        for row in await session.scalars(select(Session)):
            await session.delete(row)
    notice, browser, before = await a_notice(), known.person.elsewhere(), await letters()
    await browser.follow(await browser.get(notice.link))
    await browser.follow(await browser.post("/register/start"))
    [code] = [letter["code"] for letter in await letters() if letter not in before]
    await browser.follow(await browser.post("/register/code", code=code))
    answer = await browser.post("/register/password", password=NEW, confirm=NEW)
    assert answer.to == "/sign-in/code"
    assert (await browser.get("/inbox")).status == 303
    await browser.get("/sign-in/code")
    answer = await browser.post("/sign-in/code", code=known.code(), recovery="")
    assert answer.to == notice.message
    assert (await browser.get(notice.message)).status == 200
