"""Coming back, reading with a mailed code, and words that come back, in a real browser."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser as Chromium
from quart import Quart
from sqlalchemy import update

from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account
from service.settings import PortalSettings
from tests.conftest import NOW, Clock
from tests.mailbox.builders import CAROL
from tests.portal.conftest import GiveNotice, Register
from tests.portal.test_script import a_page, chrome, faults, origin, served

__all__ = ["chrome", "origin", "served"]
NEW = "nine green canoes 52 thimbles"


@pytest.fixture
def settings(settings: PortalSettings) -> PortalSettings:
    said = {"announcement_en": "Offices are closed on Friday.", "announcement_es": "Las oficinas cierran el viernes."}
    return settings.model_copy(update={"read_with_code": True, **said})


@pytest.mark.parametrize(("language", "scheme"), [("en-US", "light"), ("es-US", "dark")])
async def test_guest_and_returning_owner_find_their_way(
    served: Quart,
    chrome: Chromium,
    origin: str,
    registered: Register,
    a_notice: GiveNotice,
    letters: Callable[[], Any],
    db: Database,
    clock: Clock,
    language: str,
    scheme: Any,
) -> None:
    del served
    await registered()
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.DISABLED, disabled_at=NOW))
    complaints: list[str] = []
    context, page = await a_page(chrome, complaints, locale=language, color_scheme=scheme)

    async def look() -> None:
        complaints.extend(f"{page.url} {fault}" for fault in await faults(context, page, (1280, 320)))

    async def type_the_code() -> None:
        await page.fill("#code", (await letters())[-1]["code"])
        await page.click("form[action='/register/code'] button")

    clock.advance(timedelta(hours=1))
    notice = await a_notice(CAROL)
    await page.goto(f"{origin}{notice.link}")
    await look()
    await page.goto(f"{origin}/sign-in")
    await look()
    await page.goto(f"{origin}/waiting")
    await page.click("button[name=way]")
    await type_the_code()
    await page.wait_for_url(f"**{notice.message}")
    await page.goto(f"{origin}/waiting")
    await look()
    await page.goto(f"{origin}{notice.message}/reply")
    await page.fill("#subject", "Half a reply")
    clock.advance(timedelta(minutes=15))
    await page.evaluate("HTMLFormElement.prototype.submit.call(document.querySelector('form[data-compose]'))")
    await page.wait_for_selector("a[target=_blank][href='/sign-in']")
    assert await page.input_value("#subject") == "Half a reply"
    await look()

    notice = await a_notice()
    await page.goto(f"{origin}{notice.link}")
    await look()
    await page.click("form[action='/register/start'] button")
    await type_the_code()
    await page.wait_for_url("**/register/password")
    await page.focus("#password")
    await look()
    await page.fill("#password", "bob")
    await page.click("form[action='/register/password'] button[type=submit]")
    await look()
    assert await page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    for field in ("password", "confirm"):
        await page.fill(f"#{field}", NEW)
    await page.click("form[action='/register/password'] button[type=submit]")
    await page.wait_for_url(f"**{notice.message}")
    assert complaints == []
    await context.close()
