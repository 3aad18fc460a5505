"""Shortcuts in a real browser: only where they were turned on, never in a field; and axe on lists and searches."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import select, update

from service.blobs import Blobs
from service.core.preferences import Preferences, write_preferences
from service.core.sheet import Person
from service.db.engine import Database
from service.db.tables import Account, Delivery
from service.mailbox.own_folders import add_folder
from service.vault.ring import KeyRing
from tests.chromium import ROOT
from tests.conftest import Clock
from tests.mailbox.builders import ALICE, HELLO, a_sealed_mail
from tests.portal_mailbox.conftest import Site

Rings = dict[str, KeyRing]
LONG = Person("W" * 120, f"{'w' * 60}@{'x' * 60}.ct.gov")


@pytest.fixture
async def bob(site: Site, db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> Account:
    """Five messages, a folder, and shortcuts turned on."""
    for number in range(1, 5):
        subject = HELLO.replace(b"Your papers", f"Number {number}".encode())
        at = clock.now - timedelta(hours=number)
        sender = LONG if number == 4 else ALICE
        await a_sealed_mail(db, rings, blobs, subject, now=at, life=timedelta(hours=20 * number), sender=sender)
    async with db.writing() as session:
        account = (await session.scalars(select(Account))).one()
        account.preferences = write_preferences(Preferences(shortcuts=True))
        await add_folder(session, rings["portal"], account.id, "Housing", clock.now)
    assert site.mail
    return account


async def here(page: Page) -> str:
    return await page.locator("tr.is-here .sm-subj").inner_text()


async def test_a_list_is_walked_ticked_and_filed_by_keys(site: Site, browser: Browser, bob: Account) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}/inbox")
    await page.keyboard.press("j")
    assert "With files" in await here(page)
    for key in "jjk":
        await page.keyboard.press(key)
    assert "Number 1" in await here(page)
    await page.keyboard.press("x")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Shift+X")
    assert await page.inner_text(".sm-tray__n") == "3 selected"
    await page.keyboard.press("Shift+I")
    await page.wait_for_selector("text=3 messages marked as read.")
    await page.keyboard.press("j")
    await page.keyboard.press("#")
    await page.wait_for_selector("text=1 message moved to Deleted.")
    await page.keyboard.press("j")
    await page.keyboard.press("m")
    assert await page.evaluate("document.activeElement.id") == "move-rows"
    await page.keyboard.press("j")  # in a field: nothing
    assert await page.inner_text(".sm-tray__n") == "1 selected"
    await page.keyboard.press("Escape")
    for key, path in (("d", "/drafts"), ("s", "/sent"), ("t", "/deleted"), ("i", "/inbox")):
        await page.locator("#title").click()
        await page.keyboard.press("g")
        await page.keyboard.press(key)
        await page.wait_for_url(f"**{path}")
    assert faults == []
    assert bob.id
    await context.close()


async def test_a_message_is_opened_answered_and_left_by_keys(site: Site, browser: Browser, bob: Account) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}/inbox?sort=ending")
    await page.keyboard.press("j")
    await page.keyboard.press("o")
    await page.wait_for_url("**/m/*?sort=ending")
    first = page.url
    await page.keyboard.press("j")
    await page.wait_for_url(lambda url: url != first)
    await page.keyboard.press("k")
    await page.wait_for_url(first)
    await page.keyboard.press("u")
    await page.wait_for_url("**/inbox?sort=ending")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/m/*")
    await page.keyboard.press("Shift+U")
    await page.wait_for_selector("text=1 message marked as unread.")
    await page.goto(site.url + site.mail)
    for key, path in (("f", "forward"), ("a", "reply-all"), ("r", "reply")):
        await page.goto(site.url + site.mail)
        await page.keyboard.press(key)
        await page.wait_for_url(f"**/{path}")
    await page.fill("#text", "j?#") if await page.locator("#text").is_visible() else None
    assert await page.locator("dialog.sm-keys").count() == 0
    await page.goto(site.url + site.mail)
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement.id") == "find"
    await page.keyboard.type("j?#r")
    assert await page.input_value("#find") == "j?#r"
    assert faults == []
    assert bob.id
    await context.close()


async def test_the_list_of_keys_opens_and_closes(site: Site, browser: Browser, bob: Account) -> None:
    context, page, faults = await site.open(browser)
    for language, words in (("en", "Keyboard shortcuts"), ("es", "Atajos de teclado")):
        await page.goto(f"{site.url}/inbox?lang={language}")
        await page.keyboard.press("?")
        assert words in await page.inner_text("dialog.sm-keys")
        await check(page, language)
        await page.keyboard.press("j")
        assert await page.locator("tr.is-here").count() == 0
        await page.keyboard.press("Escape")
        assert not await page.is_visible("dialog.sm-keys")
    assert faults == []
    assert bob.id
    await context.close()


async def test_single_keys_do_nothing_until_turned_on_but_esc_closes(
    site: Site, browser: Browser, bob: Account, db: Database
) -> None:
    async with db.writing() as session:
        await session.execute(update(Account).where(Account.id == bob.id).values(preferences=None))
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}/inbox")
    for key in ("j", "?", "#", "/", "g", "s"):
        await page.keyboard.press(key)
    assert page.url.endswith("/inbox")
    assert await page.locator("tr.is-here, dialog.sm-keys").count() == 0
    await page.click(".sm-menu > summary")
    assert await page.is_visible(".sm-menu__list")
    await page.keyboard.press("Escape")
    assert not await page.is_visible(".sm-menu__list")
    assert await page.evaluate("document.activeElement.matches('.sm-menu > summary')")
    assert faults == []
    await context.close()


AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
RULES = "['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']"


async def check(page: Page, what: str) -> None:
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, what
    await page.evaluate(AXE)
    found = await page.evaluate(
        f"axe.run(document, {{runOnly: {RULES}, iframes: false}})"
        ".then(r => [r.passes.length, ...r.violations.map(v => v.id + v.nodes[0].html)])"
    )
    assert found[0] > 10, what
    assert found[1:] == [], what


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
async def test_axe_finds_nothing_on_lists_and_searches(
    site: Site, browser: Browser, bob: Account, db: Database, clock: Clock, scheme: Any, language: str
) -> None:
    async with db.writing() as session:
        one = update(Delivery).where(Delivery.expires_at > clock.now + timedelta(days=20))
        await session.execute(one.values(answered_at=clock.now, forwarded_at=clock.now))
    context, page, faults = await site.open(browser, color_scheme=scheme)
    for path in (
        "/inbox",
        "/inbox?sort=largest",
        "/inbox?show=unread&done=nothing-delete",
        "/sent?show=files",
        "/search",
        "/search?q=number",
        "/search?q=zebra&from=alice",
    ):
        await page.goto(f"{site.url}{path}{'&' if '?' in path else '?'}lang={language}")
        if await page.locator("input[name=m]").count():
            await page.check("input[name=m] >> nth=0")
        for width in (1280, 320, 160):  # 160: a phone of 320 with its text twice the size
            await page.set_viewport_size({"width": width, "height": 800})
            await check(page, f"{path} {width}")
    await page.set_viewport_size({"width": 768, "height": 800})
    await page.goto(f"{site.url}/inbox")
    await page.click(".sm-menu > summary")
    await check(page, "menu")
    assert faults == []
    assert bob.id
    await context.close()


async def test_lists_and_search_work_without_scripts(site: Site, browser: Browser, bob: Account) -> None:
    context, page, faults = await site.open(browser, java_script_enabled=False)
    await page.goto(f"{site.url}/inbox")
    await page.click(".sm-menu > summary")
    await page.click("text=Oldest first")
    assert "Number 4" in await page.locator("tbody tr >> nth=0").inner_text()
    await page.check("input[name=m] >> nth=0")
    await page.click("button[value=delete]")
    assert "sort=oldest" in page.url
    await page.click("text=Undo >> nth=0")
    assert "Undone." in await page.inner_text(".sm-told")
    await page.fill("#find", "number 3")
    await page.press("#find", "Enter")
    assert await page.locator("tbody tr").count() == 1
    assert await page.locator("mark").count() >= 2
    await page.go_back()
    await page.go_forward()
    assert await page.locator("tbody tr").count() == 1
    assert faults == []
    assert bob.id
    await context.close()
