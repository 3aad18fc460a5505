"""The doors in a real browser: what script adds, that no page breaks its own policy, that everybody can use them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, async_playwright, expect
from quart import Quart

from service.blobs import Blobs
from service.db.engine import Database
from service.portal.app import create_app
from service.settings import PortalSettings
from service.vault.ring import KeyRing
from tests.chromium import ARGUMENTS
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import PASSWORD, GiveNotice, Register, Told

AXE = Path("node_modules/axe-core/axe.min.js")
WIDTHS = (1280, 768, 360, 320)


@pytest.fixture
async def origin(unused_tcp_port: int) -> str:
    return f"http://localhost:{unused_tcp_port}"


@pytest.fixture
async def served(
    settings: PortalSettings, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock, origin: str
) -> AsyncIterator[Quart]:
    local = settings.model_copy(update={"public_url": origin})
    app = create_app(local, db, blobs, rings["portal"], clock)
    config, stop = Config(), asyncio.Event()
    config.bind, config.errorlog = [origin.removeprefix("http://").replace("localhost", "127.0.0.1")], None
    task = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    yield app
    stop.set()
    await task


@pytest.fixture
async def chrome(chromium: Path) -> AsyncIterator[Chromium]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield launched
        await launched.close()


async def a_page(chrome: Chromium, complaints: list[str], **options: Any) -> tuple[BrowserContext, Page]:
    context = await chrome.new_context(**options)
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: (
            complaints.append(said.text) if "Content Security" in said.text or "Uncaught" in said.text else None
        ),
    )
    return context, page


async def faults(context: BrowserContext, page: Page, widths: tuple[int, ...] = WIDTHS) -> list[str]:
    """Look at a page with axe at each width, and for what runs out of its side."""
    cdp = await context.new_cdp_session(page)
    found: list[str] = []
    for width in widths:
        await page.set_viewport_size({"width": width, "height": 900})
        await cdp.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        result = await page.evaluate(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        found += [f"{width} {one['id']}: {one['nodes'][0]['html']}" for one in result["violations"]]
        if await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"{width} scrolls sideways")
    return found


@pytest.mark.parametrize(("language", "scheme"), [("en-US", "light"), ("es-US", "dark")])
async def test_doors_are_sound_for_everybody(
    served: Quart,
    chrome: Chromium,
    origin: str,
    a_notice: GiveNotice,
    letters: Callable[[], Any],
    language: str,
    scheme: Any,
) -> None:
    del served
    complaints: list[str] = []
    context, page = await a_page(chrome, complaints, locale=language, color_scheme=scheme)
    notice = await a_notice()

    async def look() -> None:
        complaints.extend(f"{page.url} {fault}" for fault in await faults(context, page))

    for path in ("/help", "/nothing", "/sign-in", notice.link):
        await page.goto(origin + path)
        await look()
    await page.click("form[action='/register/start'] button")
    await look()
    await page.fill("#code", "1")
    await page.click("form[action='/register/code'] button")
    await look()
    await page.fill("#code", (await letters())[-1]["code"])
    await page.click("form[action='/register/code'] button")
    await page.fill("#password", "riverboat")
    await page.click("form[action='/register'] button[type=submit]")
    await look()
    assert await page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    for field, value in {"first": "Bob", "last": "Example", "password": PASSWORD, "confirm": PASSWORD}.items():
        await page.fill(f"#{field}", value)
    await page.click("form[action='/register'] button[type=submit]")
    await page.wait_for_url(f"**{notice.message}")
    await page.goto(f"{origin}/password")
    await page.click(".sm-account summary")
    await look()
    await page.click(".sm-account form button")
    await look()
    assert complaints == []
    await context.close()


@pytest.mark.parametrize(("language", "scheme"), [("en-US", "dark"), ("es-US", "light")])
async def test_way_to_a_new_password_is_sound_for_everybody(
    served: Quart, chrome: Chromium, origin: str, registered: Register, told: Told, language: str, scheme: Any
) -> None:
    del served
    await registered()
    complaints: list[str] = []
    context, page = await a_page(chrome, complaints, locale=language, color_scheme=scheme)

    async def look() -> None:
        complaints.extend(f"{page.url} {fault}" for fault in await faults(context, page, (1280, 320)))

    await page.goto(f"{origin}/sign-in")
    await page.click(".sm-forgot summary")
    await page.click("button[formaction='/forgot/reset']")
    await look()
    await page.fill("#email", BOB)
    await page.click("button[formaction='/forgot/reset']")
    await expect(page.locator(".usa-alert--success")).to_be_visible()
    await look()
    await page.goto(f"{origin}/reset/{(await told())[-1]['token']}")
    await page.wait_for_url("**/reset")
    await page.focus("#password")
    await look()
    await page.fill("#password", "bob")
    await page.click("form[action='/reset'] button[type=submit]")
    await look()
    assert await page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    for field in ("password", "confirm"):
        await page.fill(f"#{field}", "green paper boats 17 kites")
    await page.click("form[action='/reset'] button[type=submit]")
    await page.wait_for_url("**/inbox")
    await page.goto(f"{origin}/reset")
    await look()
    assert complaints == []
    await context.close()


async def test_rules_tick_as_one_types(
    served: Quart, chrome: Chromium, origin: str, a_notice: GiveNotice, letters: Callable[[], Any]
) -> None:
    del served
    complaints: list[str] = []
    context, page = await a_page(chrome, complaints, locale="en-US", viewport={"width": 1280, "height": 900})
    await page.goto(origin + (await a_notice()).link)
    await page.click("form[action='/register/start'] button")
    await page.fill("#code", (await letters())[-1]["code"])
    await page.click("form[action='/register/code'] button")

    async def met() -> set[str]:
        return set(await page.eval_on_selector_all("[data-rule].is-met", "all => all.map(one => one.dataset.rule)"))

    await page.wait_for_url("**/register")
    rules = page.locator("#rules")
    assert not await rules.is_visible()
    await page.fill("#first", "Rosa")
    await page.focus("#password")
    assert await rules.is_visible()
    await page.keyboard.type("rosa rosa")
    assert await met() == {"hint"}
    await page.fill("#password", PASSWORD)
    assert await met() == {"length", "strength", "personal", "hint"}
    await page.fill("#hint", "41 lanterns")
    assert "hint" not in await met()
    await page.fill("#hint", "birds at night")
    await page.fill("#confirm", PASSWORD)
    assert len(await met()) == 5
    await expect(page.locator("#rules [role=status]")).to_have_text("5 of 5 rules met")
    await page.keyboard.press("Escape")
    assert not await rules.is_visible()
    await page.click("[data-show]")
    assert await page.get_attribute("#password", "type") == "text"
    await page.click("[data-show]")
    assert await page.get_attribute("#password", "type") == "password"
    assert complaints == []
    await context.close()


async def test_session_asks_two_minutes_before_its_end(
    served: Quart, chrome: Chromium, origin: str, registered: Register
) -> None:
    del served
    person = await registered()
    complaints: list[str] = []
    context, page = await a_page(chrome, complaints, locale="en-US")
    await page.clock.install(time=0)
    await page.clock.pause_at(1000)  # from here on time passes only as the test says
    await context.add_cookies([{"name": "safemail", "value": person.browser.jar["__Host-safemail"], "url": origin}])
    await page.goto(f"{origin}/inbox")
    dialog = page.locator("#session-dialog")
    await page.clock.run_for(12 * 60_000 + 59_000)
    assert not await dialog.is_visible()
    await page.clock.run_for(1000)
    await expect(dialog).to_be_visible()
    await expect(dialog.locator("[data-left]")).to_have_text("2:00")
    assert await page.evaluate("document.activeElement.textContent") == "Stay signed in"
    await page.keyboard.press("Enter")
    await expect(dialog).not_to_be_visible()
    await page.clock.run_for(12 * 60_000)
    assert not await dialog.is_visible()
    await page.clock.run_for(3 * 60_000)
    await page.wait_for_url("**/sign-in?out=time&next=/inbox")
    assert complaints == []
    await context.close()
