"""Passkeys, codes and the security page in a real browser: its own authenticator, its policy, axe, the keyboard."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from playwright.async_api import Browser, BrowserContext, Page
from pyotp import TOTP

from service.accounts.hashing import HashGate
from service.blobs import Blobs
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account
from service.portal.app import create_app
from service.settings import PortalSettings
from service.vault.passwords import Cost
from service.vault.people import seal_to_recipient
from service.vault.ring import KeyRing
from tests.chromium import ROOT
from tests.conftest import Clock
from tests.mailbox.builders import BOB, a_recipient
from tests.portal.conftest import PASSWORD
from tests.serving import free_port, until_open

FRESH = timedelta(minutes=5)
PHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
AXE = (
    "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'], iframes: false})"
    ".then(found => found.violations.map(one => one.id + ' ' + one.nodes[0].html))"
)


@dataclass
class Site:
    """The portal on a port; Bob has an account."""

    url: str
    clock: Clock

    async def open(self, browser: Browser, **options: Any) -> tuple[BrowserContext, Page, list[str]]:
        context = await browser.new_context(**options)
        page = await context.new_page()
        faults: list[str] = []
        page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        return context, page, faults

    async def password(self, page: Page, language: str = "en") -> None:
        await page.goto(f"{self.url}/sign-in?lang={language}")
        await page.fill("#email", BOB)
        await page.fill("#password", PASSWORD)
        await page.click("form[action='/sign-in'] button[type=submit] >> nth=0")

    async def prove(self, page: Page) -> None:
        await page.fill("#proof_password", PASSWORD)
        await page.press("#proof_password", "Enter")

    async def turn_codes_on(self, page: Page) -> TOTP:
        """From the security page to the recovery codes."""
        await page.click("form[action$=start] button")
        totp = TOTP((await page.inner_text(".sm-key")).replace(" ", ""))
        await page.fill("#code", totp.at(self.clock()))
        await page.press("#code", "Enter")
        await page.wait_for_selector(".sm-codes")
        return totp


@pytest.fixture
async def site(
    settings: PortalSettings, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock
) -> AsyncIterator[Site]:
    port = free_port()
    url = f"http://localhost:{port}"
    app = create_app(settings.model_copy(update={"public_url": url}), db, blobs, rings["portal"], clock)
    recipient = await a_recipient(db, rings, BOB, clock.now)
    stored = await HashGate(rings["portal"], Cost(memory_kib=8, time=1)).hash(PASSWORD, recipient.id)
    name = seal_to_recipient(recipient.public_key, f"name/{recipient.id.hex}", b'{"first": "Bob", "last": "Reader"}')
    bob = Account(
        id=recipient.id,
        state=AccountState.ACTIVE,
        password=stored,
        password_at=clock.now,
        name=name,
        created_at=clock.now,
    )
    async with db.writing() as session:
        session.add(bob)
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = None
    config.graceful_timeout = 1
    stop = asyncio.Event()
    task = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    await until_open(port, task)
    yield Site(url, clock)
    stop.set()
    await task


async def a_phone(context: BrowserContext, page: Page) -> Any:
    """Give the browser an authenticator that says yes."""
    devtools = await context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    made = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PHONE})
    return devtools, made["authenticatorId"]


async def look(page: Page, where: str) -> None:
    """Nothing for axe, nothing that scrolls sideways; axe looks at English wide and at Spanish narrow."""
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    await page.evaluate(axe)
    for width in (1280, 320):
        await page.set_viewport_size({"width": width, "height": 800})
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (where, width)
        if (width == 1280) is (await page.evaluate("document.documentElement.lang") == "en"):
            assert await page.evaluate(AXE) == [], (where, width)


async def test_passkey_is_added_signs_in_and_is_removed(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    devtools, phone = await a_phone(context, page)
    await site.password(page)
    await page.goto(f"{site.url}/preferences/security")
    await page.click("text=Add a passkey")
    await page.fill("#name", "Blue phone")
    await page.click("[data-passkey=create]")
    await page.wait_for_selector("text=Your new passkey can sign you in from now on.")
    kept = await devtools.send("WebAuthn.getCredentials", {"authenticatorId": phone})
    assert [(one["isResidentCredential"], one["rpId"]) for one in kept["credentials"]] == [(True, "localhost")]
    await page.click(".sm-account summary")
    await page.click(".sm-account__menu button[type=submit]")
    await page.wait_for_selector("text=You are signed out.")
    await page.click("text=Sign in with a passkey")
    await page.wait_for_url("**/inbox")
    site.clock.advance(FRESH)
    await page.goto(f"{site.url}/preferences/security")
    assert "Blue phone" in await page.inner_text(".sm-pref")
    await page.click("text=Remove")
    await page.click("text=Use a passkey")
    await page.wait_for_selector("text=Remove your last passkey?")
    await page.click("form[action$=remove] button[type=submit]")
    await page.wait_for_selector("text=The passkey is removed.")
    assert "Blue phone" not in await page.inner_text(".sm-pref")
    assert faults == []
    await context.close()


async def test_who_has_no_passkey_stays_with_the_password(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    devtools, phone = await a_phone(context, page)
    await devtools.send("WebAuthn.setUserVerified", {"authenticatorId": phone, "isUserVerified": False})
    await page.goto(f"{site.url}/sign-in")
    await page.fill("#email", BOB)
    async with page.expect_response("**/sign-in/passkey/options"):
        await page.click("text=Sign in with a passkey")
    await page.wait_for_selector("[data-passkey=get]:enabled")
    assert page.url == f"{site.url}/sign-in"
    assert await page.input_value("#email") == BOB
    await site.password(page)
    await page.goto(f"{site.url}/preferences/security")
    await page.click("text=Add a passkey")
    await page.click("[data-passkey=create]")
    await page.wait_for_selector("text=No passkey was added.")
    await page.fill("#name", "Green phone")
    site.clock.advance(FRESH)
    await page.click("[data-passkey=create]")
    await page.wait_for_selector("text=Is it you?")
    await site.prove(page)
    await page.wait_for_selector("#name")
    assert await page.input_value("#name") == "Green phone"
    assert faults == []
    await context.close()


async def test_codes_from_on_to_off_without_scripts(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser, java_script_enabled=False)
    await page.goto(f"{site.url}/sign-in")
    assert not await page.is_visible("text=Sign in with a passkey")
    await site.password(page)
    await page.goto(f"{site.url}/preferences/security")
    totp = await site.turn_codes_on(page)
    codes = await page.locator(".sm-codes code").all_inner_texts()
    assert len(codes) == 10
    await page.click("text=I have kept them")
    assert "10 of 10 left" in await page.inner_text(".sm-pref")
    other, second, _ = await site.open(browser, java_script_enabled=False)
    await site.password(second)
    await second.fill("#code", totp.at(site.clock()))
    await second.press("#code", "Enter")
    assert "4 tries left" in await second.inner_text("main")
    await second.click("text=Use a recovery code")
    await second.fill("#recovery", codes[0])
    await second.press("#recovery", "Enter")
    await second.wait_for_url("**/inbox")
    site.clock.advance(FRESH)
    await page.goto(f"{site.url}/preferences/security")
    await page.click("text=Turn off")
    await site.prove(page)
    assert "Codes are off." in await page.inner_text("[role=status]")
    await other.close()
    await context.close()


@pytest.mark.parametrize("language", ["en", "es"])
async def test_axe_finds_nothing_on_any_page_or_state(site: Site, browser: Browser, language: str) -> None:
    context, page, faults = await site.open(
        browser, locale=language, color_scheme="dark" if language == "es" else "light"
    )
    await a_phone(context, page)
    await page.goto(f"{site.url}/sign-in?out=code&lang={language}")
    await look(page, "sign-in")
    await site.password(page, language)
    await page.goto(f"{site.url}/preferences/security")
    assert await page.inner_text("h1") == {"en": "Security", "es": "Seguridad"}[language]
    await look(page, "security")
    await page.click("form[action$=passkeys] button")
    await page.fill("#name", "x" * 60)
    await look(page, "add a passkey")
    await page.click("[data-passkey=create]")
    await page.wait_for_selector("[role=status]")
    await look(page, "passkey added")
    await page.click("form[action$=remove] button")
    await look(page, "last passkey")
    await page.goto(f"{site.url}/preferences/security")
    await page.click("form[action$=start] button")
    await look(page, "turn on codes")
    await page.fill("#code", "1")
    await page.press("#code", "Enter")
    await page.wait_for_selector("#code-error")
    await look(page, "wrong code")
    totp = TOTP((await page.inner_text(".sm-key")).replace(" ", ""))
    await page.fill("#code", totp.at(site.clock()))
    await page.press("#code", "Enter")
    await page.wait_for_selector(".sm-codes")
    await look(page, "recovery codes")
    other, second, _ = await site.open(browser, locale=language)
    await site.password(second, language)
    await look(second, "second step")
    await second.fill("#code", "000000")
    await second.press("#code", "Enter")
    await second.wait_for_selector("#code-error")
    await look(second, "wrong second step")
    await second.fill("#code", totp.at(site.clock(), counter_offset=1))
    await second.press("#code", "Enter")
    await second.wait_for_url("**/inbox")
    site.clock.advance(FRESH)
    await page.goto(f"{site.url}/preferences/security")
    await look(page, "security, all on")
    await page.click("form[action$='sessions/end'] button")
    await look(page, "proof")
    await page.fill("#proof_password", "wrong")
    await page.press("#proof_password", "Enter")
    await page.wait_for_selector("#proof_password-error")
    await look(page, "wrong proof")
    assert faults == []
    await other.close()
    await context.close()


async def test_keyboard_alone_signs_out_the_other_browser(site: Site, browser: Browser) -> None:
    other, second, _ = await site.open(browser)
    await site.password(second)
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}/sign-in")
    await page.focus("#email")
    await page.keyboard.type(BOB)
    await page.keyboard.press("Tab")
    while await page.evaluate("document.activeElement.id") != "password":
        await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/inbox")
    await page.goto(f"{site.url}/preferences/security")
    seen = []
    for _ in range(60):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate("document.activeElement.textContent.trim()"))
        ring = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none", seen[-1]
        if seen[-1] == "Sign out everywhere else":
            break
    order = [words for words in seen if words in {"Change password", "Add a passkey", "Turn on authenticator app"}]
    assert order == ["Change password", "Add a passkey", "Turn on authenticator app"]
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=All other browsers are signed out.")
    assert await page.evaluate("document.activeElement.getAttribute('role')") == "status"
    await second.goto(f"{site.url}/inbox")
    assert "/sign-in" in second.url
    assert faults == []
    await other.close()
    await context.close()
