"""What people do in a browser, in their words: staff in Outlook, a stranger in an outside mailbox and on the portal."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, FilePayload, Page, expect

from tests.journey.running import Running

PASSWORD = "quiet otters borrow nine umbrellas"
WAIT_SECONDS = 30.0
TAG = re.compile(r"\[\s*secure\s*\]", re.IGNORECASE)
CODE_LETTER = "Your Safemail code|Su código de Safemail"
REFUSED_FORM = re.compile(r"Failed to load resource: .* status of 422")
"""Chromium's own line for a form that came back with errors."""


class Visit:
    """One evening at the computer: browsers, and what went wrong in any of them."""

    def __init__(self, running: Running, browser: Browser) -> None:
        self.running, self.browser = running, browser
        self.faults: list[str] = []
        self.foreign: list[str] = []

    async def open(self, **options: Any) -> BrowserContext:
        context = await self.browser.new_context(**({"locale": "en-US"} | options))
        context.set_default_timeout(WAIT_SECONDS * 1000)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("request", lambda request: self._asked(request.url))
        return context

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"} and not REFUSED_FORM.match(said.text):
            self.faults.append(said.text)

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.hostname != "localhost":
            self.foreign.append(url)


class Staff:
    """Somebody of the state at the Outlook page."""

    def __init__(self, visit: Visit, page: Page, name: str, address: str) -> None:
        self.page, self.name, self.address = page, name, address
        self.front = visit.running.front

    async def new_mail(self) -> None:
        await self.page.goto(f"{self.front}/outlook")
        async with self.page.expect_navigation():
            await self.page.select_option("#mailbox", label=self.name)
        await self.page.click("#new-mail")
        await self.page.wait_for_selector("#secure[data-ready]")

    async def address_to(self, *, to: str, cc: str = "", bcc: str = "", subject: str) -> None:
        for field, words in (("to", to), ("cc", cc), ("bcc", bcc), ("subject", subject)):
            await self.page.fill(f"#{field}", words)

    async def press_secure(self) -> None:
        before = await self.page.input_value("#subject")
        await self.page.click("#secure")
        await self.page.wait_for_selector(".infobar >> text=Secure is on")
        assert await self.page.input_value("#subject") == f"[secure] {before}"

    async def send(self) -> None:
        await self.page.click("#send")
        await self.page.wait_for_url("**/sentitems?sent=1")

    async def secure_mail(self, to: str, subject: str, text: str, files: Sequence[FilePayload] = ()) -> None:
        await self.new_mail()
        await self.address_to(to=to, subject=subject)
        await self.page.fill("#body", text)
        await self.page.set_input_files("#files", files)
        await self.press_secure()
        await self.send()

    async def inbox(self) -> list[dict[str, Any]]:
        address = f"{self.front}/outlook/api/{self.address}/inbox"
        rows: list[dict[str, Any]] = await (await self.page.context.request.get(address)).json()
        return rows

    async def receives(self, subject: str) -> None:
        """Wait for it in the Inbox, which refreshes by itself, and open it."""
        await self.page.goto(f"{self.front}/outlook/{self.address}/inbox")
        row = self.page.locator(".mail-row", has_text=subject).first
        await row.click()
        await expect(self.page.locator("h1")).to_contain_text(subject)


class Outsider:
    """Somebody outside: a mailbox, and a browser that follows the links in it."""

    def __init__(self, visit: Visit, context: BrowserContext, address: str) -> None:
        self.context, self.address = context, address
        self.front, self.portal = visit.running.front, visit.running.portal

    async def mails(self) -> list[dict[str, Any]]:
        answer = await self.context.request.get(f"{self.front}/internet/api/{quote(self.address)}")
        rows: list[dict[str, Any]] = await answer.json()
        return rows

    async def receives(self, words: str) -> dict[str, Any]:
        """Wait for the newest mail with these words, a pattern, in its subject or text."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                found = [mail for mail in await self.mails() if re.search(words, mail["subject"] + mail["text"])]
                if found:
                    return found[-1]
                await asyncio.sleep(0.05)

    async def read_mail(self, page: Page, words: str) -> None:
        mail = await self.receives(words)
        await page.goto(f"{self.front}/internet/{quote(self.address)}/{mail['id']}")

    async def follow_link(self, page: Page) -> Page:
        """Press the open notice's button: the portal opens in a new tab."""
        async with self.context.expect_page() as opened:
            await page.frame_locator("#mail").locator(f"a[href^='{self.portal}/d/']").first.click()
        tab = await opened.value
        await tab.wait_for_load_state()
        return tab

    async def opens_notice(self, words: str = "/d/") -> Page:
        mailbox = await self.context.new_page()
        await self.read_mail(mailbox, words)
        return await self.follow_link(mailbox)

    async def proves_mailbox(self, page: Page) -> None:
        """From the waiting note to the account form, by the code in the mailbox."""
        await page.click("main form[action='/register/start'] button")
        await self.enters_code(page)

    async def enters_code(self, page: Page) -> None:
        await page.wait_for_selector("#code")
        letter = await self.receives(CODE_LETTER)
        found = re.search(r"\b(\d{6})\b", letter["text"])
        assert found
        await page.fill("#code", found[1])
        await page.press("#code", "Enter")
        await page.wait_for_selector("#confirm")

    async def fills_account(self, page: Page, *, first: str = "Rosa", last: str = "Jiménez") -> None:
        for field, words in (("first", first), ("last", last), ("password", PASSWORD), ("confirm", PASSWORD)):
            await page.fill(f"#{field}", words)
        await page.click("form[action='/register'] button[type=submit]")
        await page.wait_for_url("**/m/*")

    async def signs_in(self, page: Page, password: str = PASSWORD) -> None:
        await page.fill("#email", self.address)
        await page.fill("#password", password)
        await page.click("form[action='/sign-in'] button[type=submit]")

    async def downloads(self, page: Page, link: str) -> bytes:
        async with page.expect_download() as started:
            await page.locator(link).first.click()
        return (await (await started.value).path()).read_bytes()


async def nothing_tagged(visit: Visit, page: Page, *pieces: str) -> None:
    """Every outside mailbox holds notices only: no tag in a subject, no piece of a mail or of its files."""
    front = visit.running.front
    await page.goto(f"{front}/internet")
    boxes = await page.locator(".cards a").evaluate_all("links => links.map(link => link.href)")
    assert boxes
    for box in boxes:
        address = box.rsplit("/", 1)[1]
        for mail in await (await page.context.request.get(f"{front}/internet/api/{address}")).json():
            source = await (await page.context.request.get(f"{front}/internet/api/{address}/{mail['id']}.eml")).text()
            assert not TAG.search(mail["subject"]), mail["subject"]
            for piece in pieces:
                assert piece not in source + mail["text"] + mail["html"]
            assert mail["attachments"] == []
