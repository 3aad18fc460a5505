"""The two profiles on all pages of the doors: hints and an age of passwords in `legacy`, neither in `modern`."""

import re
from datetime import timedelta
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import select, update

from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account
from service.settings import PortalSettings
from tests.conftest import NOW, Clock
from tests.mailbox.builders import BOB, CAROL
from tests.portal.conftest import PASSWORD, Browser, GiveNotice, Told, sign_in

HINT = re.compile(
    r"\b(?:hint phrase|password hint|your hint)\b|forgot/hint|name=\"hint\"|data-rule=\"hint\"", re.IGNORECASE
)
NEW = "nine green canoes 52 thimbles"
FORM = {"password": PASSWORD, "confirm": PASSWORD, "hint": "birds and lamps"}


@pytest.fixture(params=["legacy", "modern"])
def settings(settings: PortalSettings, request: pytest.FixtureRequest) -> PortalSettings:
    return settings.model_copy(update={"account_policy": request.param})


async def test_hints_stand_on_every_page_or_on_none(
    app: Quart, a_notice: GiveNotice, letters: Any, told: Told, db: Database, settings: PortalSettings
) -> None:
    browser, pages, notice = Browser(app), dict[str, str](), await a_notice()

    async def look(path: str) -> None:
        page = await browser.follow(await browser.get(path))
        assert page.status == 200, path
        pages[path] = page.text

    await look("/sign-in")
    await browser.follow(await browser.get(notice.link))
    await browser.follow(await browser.post("/register/start"))
    await browser.follow(await browser.post("/register/code", code=(await letters())[-1]["code"]))
    await look("/register")
    assert (await browser.post("/register", first="Bob", last="Example", language="en", **FORM)).status == 303
    await look("/password")
    answer = await browser.post("/password", current=PASSWORD, password="x", confirm="x", hint="h")
    pages["a refused change"] = answer.text
    for path in ("/preferences/password", "/help", "/help/sign-in", "/help/account"):
        await look(path)
    await browser.post("/sign-out")
    await browser.get("/sign-in")
    await browser.post("/forgot/reset", email=BOB)
    [letter] = [one for one in await told() if one["kind"] == "reset"]
    await look(f"/reset/{letter['token']}")
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.DISABLED, disabled_at=NOW))
        had_hint = (await session.scalars(select(Account.hint))).one() is not None
    before = await letters()
    await browser.follow(await browser.get(notice.link))
    await browser.follow(await browser.post("/register/start"))
    [code] = [letter["code"] for letter in await letters() if letter not in before]
    await browser.follow(await browser.post("/register/code", code=code))
    await look("/register/password")

    is_legacy = settings.account_policy == "legacy"
    assert had_hint is is_legacy
    says = {path: bool(HINT.search(text)) for path, text in pages.items()}
    if is_legacy:
        without = {"/help", "/help/account"}
        assert says == {path: path not in without or says[path] for path in pages}
    else:
        assert says == dict.fromkeys(pages, False)


async def test_hint_that_a_form_makes_up_is_kept_where_there_are_hints_only(
    app: Quart, a_notice: GiveNotice, letters: Any, told: Told, db: Database, settings: PortalSettings
) -> None:
    browser, is_legacy = Browser(app), settings.account_policy == "legacy"

    async def has_hint() -> bool:
        async with db.reading() as session:
            return (await session.scalars(select(Account.hint))).one() is not None

    await browser.follow(await browser.get((await a_notice()).link))
    await browser.follow(await browser.post("/register/start"))
    await browser.follow(await browser.post("/register/code", code=(await letters())[-1]["code"]))
    await browser.post("/register", first="Bob", last="Example", language="en", **FORM)
    assert await has_hint() is is_legacy
    await browser.get("/password")
    await browser.post("/password", current=PASSWORD, password=NEW, confirm=NEW, hint="boats")
    assert await has_hint() is is_legacy
    stranger = Browser(app)
    await stranger.get("/sign-in")
    assert (await stranger.post("/forgot/hint", email=BOB)).status == (200 if is_legacy else 404)
    await stranger.get("/sign-in")
    await stranger.post("/forgot/reset", email=BOB)
    await stranger.get(f"/reset/{next(one for one in await told() if one['kind'] == 'reset')['token']}")
    await stranger.get("/reset")
    answer = await stranger.post("/reset", password=PASSWORD, confirm=PASSWORD, hint="lamps")
    assert answer.status == 303
    assert await has_hint() is is_legacy


@pytest.mark.parametrize(("age", "is_old"), [(timedelta(days=60, seconds=-1), False), (timedelta(days=60), True)])
async def test_password_ages_in_legacy_only(
    app: Quart,
    a_notice: GiveNotice,
    letters: Any,
    clock: Clock,
    settings: PortalSettings,
    age: timedelta,
    *,
    is_old: bool,
) -> None:
    browser = Browser(app)
    await browser.follow(await browser.get((await a_notice(CAROL)).link))
    await browser.follow(await browser.post("/register/start"))
    await browser.follow(await browser.post("/register/code", code=(await letters())[-1]["code"]))
    await browser.post("/register", first="Carol", last="Example", language="en", **FORM)
    clock.advance(age)
    await sign_in(browser, CAROL, PASSWORD)
    answer = await browser.get("/inbox")
    must = is_old and settings.account_policy == "legacy"
    assert (answer.status, answer.to) == ((303, "/password") if must else (200, ""))


async def test_announcement_is_shown_in_the_language_of_the_page(
    app: Quart, settings: PortalSettings, db: Database
) -> None:
    del db
    assert "Announcement" not in (await Browser(app).get("/sign-in")).text
    said = {"announcement_en": "Closed <b>Friday</b>.", "announcement_es": "Cerrado el viernes."}
    app.jinja_env.globals["settings"] = settings.model_copy(update=said)
    english = (await Browser(app).get("/sign-in")).text
    spanish = (await Browser(app, language="es").get("/sign-in")).text
    assert "Closed &lt;b&gt;Friday&lt;/b&gt;." in english
    assert "viernes" not in english
    assert "Cerrado el viernes." in spanish
    assert 'aria-label="Anuncio"' in spanish
