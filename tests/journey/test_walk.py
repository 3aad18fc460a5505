"""The whole way as people walk it, in a browser: Outlook, notice, account, message, answer, receipts."""

import base64
import re
import struct
import zlib

import pytest
from playwright.async_api import FilePayload, Page, expect

from emulator.cast import JAMES, MARIA, PAT, ROSA, RUTH
from tests.journey.person import Outsider, Staff, Visit, nothing_tagged

pytestmark = pytest.mark.xdist_group("journey")  # one stack for all of them

FORM: FilePayload = {"name": "Household list.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 \xff\x00" * 999}
STUB: FilePayload = {"name": "Pay stub, August.png", "mimeType": "image/png", "buffer": bytes(range(256)) * 40}
TEXT = "Two papers are still missing: the pay stubs for August, and the household list."
ANSWER = "Good morning. The stub for August is attached."
PASTE = "html => { document.querySelector('#body').focus(); document.execCommand('insertHTML', false, html); }"
PICK_LARGE = """() => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(36 * 1048576)], "plans.tif"));
  const picker = document.querySelector("#files");
  picker.files = files.files;
  picker.dispatchEvent(new Event("change"));
}"""
"""Made in the page: a file of this size takes the driver half a minute."""


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def dot() -> str:
    """A picture of one pixel, as a clipboard gives it."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", zlib.compress(b"\x00\x16\x2e\x51")) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


async def staff(visit: Visit, who: tuple[str, str]) -> Staff:
    return Staff(visit, await (await visit.open()).new_page(), *who)


async def test_a_person_walks_the_whole_way(visit: Visit) -> None:
    maria = await staff(visit, MARIA)
    await maria.new_mail()
    await maria.address_to(
        to=f"Rosa Jiménez <{ROSA[1]}>", cc=f"Ruth Chen <{RUTH[1]}>", bcc=PAT[1], subject="Your benefits review"
    )
    await maria.press_secure()
    await maria.page.click("#body")
    await maria.page.keyboard.type("Good morning. ")
    await maria.page.click("[data-command=bold]")
    await maria.page.keyboard.type(TEXT)
    await maria.page.evaluate(PASTE, f"<img src='{dot()}' alt='Plan' width='20' height='20'>")
    await maria.page.set_input_files("#files", [FORM])
    await maria.send()

    rosa = Outsider(visit, await visit.open(), ROSA[1])
    page = await rosa.opens_notice()
    await expect(page.locator("main")).to_contain_text(MARIA[0])
    assert TEXT not in await page.content()
    await rosa.proves_mailbox(page)
    await refused_form_keeps_what_was_typed(page)
    await rosa.fills_account(page)
    await reads_the_message(rosa, page)
    await answers(page)
    await sent_shows_the_answer(page)

    await maria.receives("RE: [secure] Your benefits review")
    await expect(maria.page.frame_locator("#mail").locator("body")).to_contain_text(ANSWER)
    assert await rosa.downloads(maria.page, ".pane .files a") == STUB["buffer"]
    await maria.receives("Secure Message Sent")
    await maria.receives("Secure Message Read: Rosa Jiménez")
    assert [one["subject"] for one in await (await staff(visit, RUTH)).inbox()].count(
        "[secure] Your benefits review"
    ) == 1
    pat = Outsider(visit, await visit.open(), PAT[1])
    notice = await pat.receives(f"{pat.portal}/d/")
    assert "Maria Delgado" in notice["subject"]
    await nothing_tagged(visit, maria.page, TEXT, ANSWER, "Household list.pdf", "Pay stub")
    await out_and_in_again(rosa, page)
    await second_message_is_one_password_away(visit)


async def refused_form_keeps_what_was_typed(page: Page) -> None:
    for field, words in (("last", "Jiménez"), ("password", "short"), ("confirm", "other"), ("hint", "the blue birds")):
        await page.fill(f"#{field}", words)
    await page.click("form[action='/register'] button[type=submit]")
    summary = page.locator("main [role=alert]")
    await expect(summary.locator("li a")).to_have_text(
        [re.compile("first name"), re.compile("at least 12"), re.compile("not the same")]
    )
    assert await summary.evaluate("one => one === document.activeElement")
    assert await page.input_value("#last") == "Jiménez"
    assert await page.input_value("#hint") == "the blue birds"
    assert await page.input_value("#password") == ""
    await summary.locator("li a").first.click()
    assert await page.evaluate("document.activeElement.id") == "first"


async def reads_the_message(rosa: Outsider, page: Page) -> None:
    await expect(page.locator("h1")).to_have_text("[secure] Your benefits review")
    await expect(page.locator(".sm-check")).to_contain_text("Checked: sent from inside")
    frame = page.frame_locator("iframe.sm-body")
    await expect(frame.locator("b")).to_have_text(TEXT)
    assert await frame.locator("img[alt=Plan]").evaluate("picture => picture.naturalWidth") == 1
    assert await rosa.downloads(page, f".sm-file:has-text('{FORM['name']}')") == FORM["buffer"]
    eml = await rosa.downloads(page, ".sm-acts--end a[href$='/message.eml']")
    assert b"multipart/mixed" in eml
    assert PAT[1].encode() not in eml


async def answers(page: Page) -> None:
    await page.click(".sm-acts--top >> text=Reply >> nth=0")
    await expect(page.locator(".sm-chip [data-who]")).to_have_text(MARIA[0])
    assert await page.input_value("#to-all") == f"{MARIA[0]} <{MARIA[1]}>"
    await page.fill("#text", ANSWER)
    await page.set_input_files("#choose", [STUB])
    await page.click("button[value=send]")
    await expect(page.locator("main [role=status]").first).to_contain_text("Your reply was sent to Maria Delgado.")


async def sent_shows_the_answer(page: Page) -> None:
    await page.click("text=Show sent messages")
    await page.click("a.sm-subj")
    await expect(page.frame_locator("iframe.sm-body").locator("body")).to_contain_text(ANSWER)
    await expect(page.locator(".sm-files")).to_contain_text(STUB["name"])


async def out_and_in_again(rosa: Outsider, page: Page) -> None:
    message = page.url
    await page.click(".sm-account summary")
    await page.click(".sm-account__menu button")
    await expect(page.locator("main [role=status]")).to_have_text("You are signed out.")
    await page.goto(message)
    await page.wait_for_selector("#email")
    await rosa.signs_in(page)
    await page.wait_for_url(message)


async def second_message_is_one_password_away(visit: Visit) -> None:
    james = await staff(visit, JAMES)
    await james.secure_mail(f"{ROSA[0]} <{ROSA[1]}>", "The report", TEXT)
    rosa = Outsider(visit, await visit.open(), ROSA[1])
    page = await rosa.opens_notice("Secure message from James Okafor")
    await expect(page.locator("h1")).to_have_text("Sign in to read your message")
    await expect(page.locator(".sm-waiting")).to_contain_text("James Okafor")
    await rosa.signs_in(page)
    await expect(page.locator("h1")).to_have_text("[secure] The report")


async def test_the_same_way_without_scripts(visit: Visit) -> None:
    james = await staff(visit, JAMES)
    await james.secure_mail("Nora Byrne <nora@example.org>", "Your lease", TEXT, [FORM])
    nora = Outsider(visit, await visit.open(java_script_enabled=False), "nora@example.org")
    page = await nora.opens_notice()
    await nora.proves_mailbox(page)
    await page.fill("#last", "Byrne")
    await page.click("form[action='/register'] button[type=submit]")
    await expect(page.locator("main [role=alert] li a").first).to_have_attribute("href", "#first")
    assert await page.input_value("#last") == "Byrne"
    await nora.fills_account(page, first="Nora", last="Byrne")
    await expect(page.frame_locator("iframe.sm-body").locator("body")).to_contain_text(TEXT)
    assert await nora.downloads(page, ".sm-file") == FORM["buffer"]
    await page.click(".sm-acts--top >> text=Reply >> nth=0")
    await page.fill("#text", ANSWER)
    await page.set_input_files("#choose", [STUB])
    await page.click("button[value=attach]")
    await expect(page.locator(".sm-up")).to_contain_text(STUB["name"])
    assert await page.input_value("#text") == ANSWER
    await page.click("button[value=send]")
    await expect(page.locator("main [role=status]").first).to_contain_text("Your reply was sent to James Okafor.")
    await sent_shows_the_answer(page)
    await james.receives("RE: [secure] Your lease")
    assert await nora.downloads(james.page, ".pane .files a") == STUB["buffer"]
    await james.receives("Secure Message Read: Nora Byrne")
    await out_and_in_again(nora, page)


async def test_doors_and_message_speak_spanish(visit: Visit) -> None:
    james = await staff(visit, JAMES)
    await james.secure_mail("luz@example.com", "Su contrato", TEXT, [FORM])
    luz = Outsider(visit, await visit.open(locale="es-US"), "luz@example.com")
    page = await luz.opens_notice()
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await expect(page.locator("h1")).to_have_text("Cree su cuenta")
    await luz.proves_mailbox(page)
    await page.click("form[action='/register'] button[type=submit]")
    await expect(page.locator("main [role=alert] h2")).to_have_text(re.compile("Hay \\d cosas por corregir"))
    await luz.fills_account(page, first="Luz", last="Ortega")
    await expect(page.locator(".sm-until")).to_contain_text("Disponible hasta el")
    await expect(page.locator(".sm-check")).to_contain_text(
        "Comprobado: enviado desde dentro del Estado de Connecticut"
    )
    await expect(page.locator(".sm-acts--top")).to_contain_text("Responder")
    message = page.url
    await page.click(".sm-lang")
    await expect(page.locator(".sm-acts--top")).to_contain_text("Reply")
    assert page.url.split("?")[0] == message
    await page.click(".sm-lang")
    await page.click(".sm-account summary")
    await page.click(".sm-account__menu button")
    await expect(page.locator("h1")).to_have_text("Iniciar sesión")


async def test_send_asks_about_a_misspelt_tag_and_secures_it(visit: Visit) -> None:
    maria = await staff(visit, MARIA)
    await maria.new_mail()
    await maria.address_to(to="oscar@example.net", subject="(secure) Your papers")
    await maria.page.fill("#body", TEXT)
    await maria.page.click("#send")
    await expect(maria.page.locator("#alert-text")).to_contain_text("That is not the tag [secure]")
    await maria.page.click("#alert-action")
    await maria.page.wait_for_selector(".infobar >> text=Secure is on")
    await maria.send()
    oscar = Outsider(visit, maria.page.context, "oscar@example.net")
    notice = await oscar.receives(f"{oscar.portal}/d/")
    assert TEXT not in notice["text"] + notice["html"]
    assert len(await oscar.mails()) == 1


async def test_send_stops_what_is_too_big_in_clear_words(visit: Visit) -> None:
    maria = await staff(visit, MARIA)
    await maria.new_mail()
    await maria.address_to(to="olga@example.net", subject="[secure] Plans")
    await maria.page.evaluate(PICK_LARGE)
    await maria.page.click("#send")
    await expect(maria.page.locator("#alert-text")).to_contain_text(
        re.compile(r"A secure message can hold 35 MB.*too big")
    )
    await expect(maria.page.locator("#send-anyway")).to_be_hidden()
    await maria.page.click("#dont-send")
    assert await Outsider(visit, maria.page.context, "olga@example.net").mails() == []
