"""Help and refusals in a real browser: for axe, on narrow screens, without scripts, and when the line is gone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from playwright.async_api import Browser, Page, async_playwright, expect
from sqlalchemy import select, update

from service.blobs import Blobs
from service.db.engine import Database
from service.db.tables import Delivery, Message
from service.portal.app import create_app
from service.portal.help.topics import topics
from service.settings import PortalSettings
from service.vault.ring import KeyRing
from tests.chromium import ARGUMENTS, ROOT, chromium_path
from tests.conftest import Clock
from tests.portal.conftest import GiveNotice
from tests.serving import until_open

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"
WIDTHS = (1280, 320)


@pytest.fixture
async def place(
    settings: PortalSettings,
    db: Database,
    blobs: Blobs,
    rings: dict[str, KeyRing],
    clock: Clock,
    unused_tcp_port: int,
) -> AsyncIterator[str]:
    url = f"http://localhost:{unused_tcp_port}"
    app = create_app(settings.model_copy(update={"public_url": url}), db, blobs, rings["portal"], clock)
    config, stop = Config(), asyncio.Event()
    config.bind, config.errorlog = [f"127.0.0.1:{unused_tcp_port}"], None
    task = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    await until_open(unused_tcp_port, task)
    yield url
    stop.set()
    await task


@pytest.fixture
async def chrome() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        yield launched
        await launched.close()


async def faults(page: Page) -> list[str]:
    found = []
    await page.evaluate(AXE)
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        if await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"{page.url} {width}: scrolls sideways")
        violations = await page.evaluate(f"axe.run({RULES}).then(r => r.violations.map(v => v.id + v.nodes[0].html))")
        found += [f"{page.url} {width}: {one}" for one in violations]
    return found


@pytest.mark.parametrize(("language", "scheme"), [("en-US", "light"), ("es-US", "dark")])
async def test_help_is_sound_for_everybody(place: str, chrome: Browser, language: str, scheme: Any) -> None:
    context = await chrome.new_context(locale=language, color_scheme=scheme)
    page = await context.new_page()
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if "Security Policy" in said.text else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    for path in (
        "",
        "/search?q=password contraseña",
        "/search?q=zanzibar",
        "/nothing",
        *(f"/{one.name}" for one in topics()),
    ):
        await page.goto(f"{place}/help{path}")
        await page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
        # a function to wait for would be evaluated in the page, which its policy forbids
        await page.evaluate("Promise.allSettled([...document.images].map(one => one.decode()))")
        broken = await page.evaluate("[...document.images].filter(one => !one.complete || !one.naturalWidth).length")
        found += [f"{page.url}: {broken} pictures do not load"] if broken else []
        found += await faults(page)
    await page.goto(f"{place}/help/real")
    await page.fill("#reference", "0000-0000")
    await page.press("#reference", "Enter")
    found += await faults(page)
    assert found == []
    await context.close()


async def test_a_question_and_a_reference_are_answered_without_scripts(
    place: str, chrome: Browser, a_notice: GiveNotice, db: Database, clock: Clock
) -> None:
    notice = await a_notice()
    async with db.writing() as session:
        await session.execute(update(Delivery).values(notified_at=clock.now))
        reference = await session.scalar(
            select(Message.reference).join(Delivery).where(Delivery.id == notice.delivery_id)
        )
    assert reference
    context = await chrome.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{place}/help")
    await page.fill("#help-q", "print a message")
    await page.press("#help-q", "Enter")
    assert await page.locator("mark").count() > 0
    await page.click("text=How do I print a message?")
    assert await page.locator("#print p").first.is_visible()
    await page.goto(f"{place}/help")
    await page.fill("#reference", reference.lower())
    await page.press("#reference", "Enter")
    assert "Yes, we sent a notice with this reference on November 24, 2026." in await page.inner_text("[role=status]")
    assert reference.lower() not in page.url
    await context.close()


async def test_a_lost_connection_is_told_and_its_return_too(place: str, chrome: Browser) -> None:
    context = await chrome.new_context()
    page = await context.new_page()
    await page.goto(f"{place}/help")
    await context.set_offline(offline=True)
    await expect(page.locator("[data-offline]")).to_contain_text("No connection.")
    await context.set_offline(offline=False)
    await expect(page.locator("[data-offline]")).to_have_text("")
    await context.close()
