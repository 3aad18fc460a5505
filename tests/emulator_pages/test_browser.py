"""The compose window in a browser, with the real add-in in its frame."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from playwright.async_api import Browser, FilePayload, Page
from quart import Quart

from emulator.cast import INTAKE
from emulator.reading import read_mail
from emulator.tenant import Tenant
from tests.emulator_pages.conftest import MARIA, ROSA, RUTH

LARGE = """() => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(36.5 * 1048576)], "huge.bin"));
  const picker = document.querySelector("#files");
  picker.files = files.files;
  picker.dispatchEvent(new Event("change"));
}"""


@pytest.fixture
async def url(app: Quart) -> AsyncIterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = None
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait, mode="asgi"))
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        break
    yield f"http://127.0.0.1:{port}"
    stop.set()
    await serving


@pytest.fixture
async def page(browser: Browser, url: str) -> AsyncIterator[Page]:
    context = await browser.new_context(locale="en-US")
    page = await context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda said: broken.append(said.text) if said.type == "error" else None)
    await page.goto(f"{url}/outlook/{MARIA}/new")
    await page.wait_for_selector("#secure[data-ready]")
    yield page
    assert await page.locator("#problem").is_hidden() or await page.locator("#problem").count() == 0
    assert broken == []
    await context.close()


async def ask_at_send(page: Page, to: str, subject: str) -> str:
    await page.fill("#to", to)
    await page.fill("#subject", subject)
    await page.click("#send")
    await page.wait_for_selector("dialog[open]")
    return await page.inner_text("#alert-text")


async def test_the_button_toggles_the_subject_and_the_bar(page: Page) -> None:
    await page.fill("#subject", "RE: Your papers")
    await page.click("#secure")
    await page.wait_for_selector(".infobar >> text=Secure is on")
    assert await page.input_value("#subject") == "RE: [secure] Your papers"
    await page.click("#secure")
    await page.wait_for_selector(".infobar >> text=Secure is off")
    assert await page.input_value("#subject") == "RE: Your papers"
    assert await page.locator(".infobar").count() == 1


async def test_a_secured_mail_is_sent_with_its_files(page: Page, tenant: Tenant) -> None:
    await page.fill("#to", f"Rosa Jiménez <{ROSA}>")
    await page.fill("#subject", "Your papers")
    await page.fill("#body", "Dear Rosa,\n\nhere they are.")
    papers: FilePayload = {"name": "Größe.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"}
    await page.set_input_files("#files", papers)
    await page.click("#secure")
    await page.wait_for_selector(".infobar")
    await page.click("#send")
    await page.wait_for_url("**/sentitems?sent=1")
    [item] = tenant.exchange.mailboxes[INTAKE].folder("inbox").items
    shown = read_mail(item.mime)
    assert shown.subject == "[secure] Your papers"
    assert shown.text.split() == ["Dear", "Rosa,", "here", "they", "are."]
    assert [(leaf.name, leaf.content) for leaf in shown.files] == [("Größe.pdf", b"%PDF-1.4")]
    assert tenant.exchange.outside[ROSA].mails == []
    await page.wait_for_selector(".mail-row >> text=[secure] Your papers")


async def test_a_misspelt_tag_is_asked_about_and_the_dialog_turns_secure_on(page: Page, tenant: Tenant) -> None:
    assert "not the tag [secure]" in await ask_at_send(page, ROSA, "(secure) Your papers")
    await page.click("#alert-action")
    await page.wait_for_selector(".infobar")
    assert await page.input_value("#subject") == "[secure] (secure) Your papers"
    assert tenant.exchange.mailboxes[MARIA].folder("sentitems").items == []


async def test_send_anyway_sends(page: Page, tenant: Tenant) -> None:
    assert "inside the state" in await ask_at_send(page, RUTH, "[secure] Lunch")
    await page.click("#send-anyway")
    await page.wait_for_url("**/sentitems?sent=1")
    assert len(tenant.exchange.mailboxes[RUTH].folder("inbox").items) == 1


async def test_too_large_is_stopped_without_a_way_round(page: Page, tenant: Tenant) -> None:
    await page.evaluate(LARGE)
    assert "1.5 MB too big" in await ask_at_send(page, ROSA, "[secure] Plans")
    assert await page.locator("#send-anyway").is_hidden()
    await page.click("#dont-send")
    assert tenant.exchange.mailboxes[MARIA].folder("sentitems").items == []


async def test_the_list_shows_what_arrives_by_itself(page: Page, tenant: Tenant, url: str) -> None:
    await page.goto(f"{url}/outlook/{MARIA}/inbox")
    mail = f"From: {RUTH}\r\nTo: {MARIA}\r\nSubject: Secure Message Sent\r\n\r\nx".encode()
    await tenant.exchange.submit(RUTH, mail, [MARIA])
    await page.wait_for_selector(".mail-row.is-unread >> text=Secure Message Sent", timeout=10_000)
    assert await page.inner_text("#unread") == "1"
    await page.click(".mail-row")
    await page.wait_for_selector("h1 >> text=Secure Message Sent")
