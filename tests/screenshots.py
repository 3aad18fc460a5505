"""The README's pictures: `python -m tests.screenshots`; with `--all FOLDER` every page in every width too.

`--gallery FOLDER` takes the portal's pages and states only (tests.gallery), in both languages.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.async_api import FilePayload, Page, async_playwright

from emulator.cast import LIAM, MARIA, ROSA
from tests import gallery
from tests.chromium import ARGUMENTS, ROOT, chromium_path
from tests.journey.person import Outsider, Staff, Visit
from tests.journey.running import Running

PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 250_000
"""Of one picture: a page of the README is looked at on phones too."""
WIDE, TALL = 1280, 920
WIDTHS = (1280, 768, 360)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TALLNESS = "Math.max(800, document.documentElement.scrollHeight)"

SUBJECT = "Your appointment on December 8"
TEXT = """Good morning, Mr. Baptiste.

Your appointment is on December 8 at 10:30 AM. Bring the letter from your landlord, or send it with your answer to \
this message.

The form is attached. Page 2 needs your signature.

Maria Delgado
Eligibility Worker, Department of Social Services"""
FORM: FilePayload = {"name": "Rent statement.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n" * 9_000}
ANSWER = """Good morning, Ms. Delgado.

Here is the pay stub for August, and the list with my signature. I took the picture with my phone.

Thank you,
Rosa Jiménez"""
STUB: FilePayload = {"name": "Pay stub August.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0" * 90_000}
LIST: FilePayload = {"name": "Household list.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n" * 5_000}


class TooBig(Exception):
    """A picture weighs more than it may; the message names it."""


@dataclass
class Album:
    """Where pictures go; pages in every width only when a folder for them was named."""

    every: Path | None

    async def picture(self, page: Page, name: str) -> None:
        await page.set_viewport_size({"width": WIDE, "height": TALL})
        await page.wait_for_load_state("networkidle")
        taken = await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", caret="hide")
        if len(taken) > MOST_BYTES:
            raise TooBig(f"{name}.png is {len(taken)} bytes")

    async def page(self, page: Page, name: str) -> None:
        if self.every is None:
            return
        await page.wait_for_load_state("networkidle")
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            # all of it in view, or bars that stick stand in the middle and frames below stay unpainted
            await page.set_viewport_size({"width": width, "height": await page.evaluate(TALLNESS)})
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme)
                path = self.every / f"{name}-{width}-{scheme}.png"
                await page.screenshot(path=path, full_page=True, animations="disabled", caret="hide")
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size({"width": WIDE, "height": TALL})


async def compose(staff: Staff, album: Album) -> None:
    page = staff.page
    await staff.new_mail()
    await staff.address_to(to=f"{LIAM[0]} <{LIAM[1]}>", subject=SUBJECT)
    await page.click("#body")
    await page.keyboard.insert_text(TEXT)
    await page.set_input_files("#files", [FORM])
    await staff.press_secure()
    await album.picture(page, "outlook")
    await album.page(page, "outlook-compose")


async def doors(rosa: Outsider, album: Album) -> Page:
    """From the notice to the message."""
    mailbox = await rosa.context.new_page()
    await rosa.read_mail(mailbox, f"{rosa.portal}/d/")
    await album.picture(mailbox, "notice")
    await album.page(mailbox, "internet-notice")
    page = await rosa.follow_link(mailbox)
    await album.page(page, "waiting")
    await page.click("text=Already have an account? >> a")
    await page.wait_for_selector("#email")
    await album.page(page, "sign-in-from-notice")
    await page.goto(f"{rosa.portal}/waiting")
    await page.click("form[action='/register/start'] button")
    await page.wait_for_selector("#code")
    await album.page(page, "code")
    await page.fill("#code", "000000")
    await page.press("#code", "Enter")
    await page.wait_for_selector("[role=alert]")
    await album.page(page, "code-wrong")
    await rosa.enters_code(page)
    await album.page(page, "register")
    await page.fill("#password", "riverboat")
    await page.fill("#confirm", "riverbank")
    await page.click("form[action='/register'] button[type=submit]")
    await page.wait_for_selector("[role=alert]")
    await album.page(page, "register-errors")
    await rosa.fills_account(page)
    return page


async def mailbox(rosa: Outsider, page: Page, album: Album) -> None:
    """From the message to the answer."""
    message = page.url
    await album.picture(page, "message")
    await album.page(page, "message")
    await page.click("#details summary")
    await album.page(page, "message-details")
    await page.goto(f"{message}/reply-all")
    await page.fill("#text", ANSWER)
    await page.fill("#to", f"{MARIA[0]} <{MARIA[1]}>, pat.rivera@example.net")
    await page.set_input_files("#choose", [STUB, LIST])
    await page.click("button[value=send]")
    await page.wait_for_selector(".sm-why")
    await page.wait_for_selector("text=Draft saved")
    await album.page(page, "reply-errors")
    await page.goto(f"{rosa.portal}/drafts")
    await album.page(page, "drafts")
    await page.click("a.sm-subj")
    await page.click("[aria-label='Remove pat.rivera@example.net']")
    await page.click(".sm-sendbar button[value=save]")
    await page.wait_for_selector("text=Draft saved")
    await album.page(page, "reply")
    await page.click("button[value=send]")
    await page.wait_for_selector("text=Your reply was sent")
    await album.page(page, "sent-message")
    for name in ("inbox", "sent", "drafts", "password", "help", "m/0"):
        await page.goto(f"{rosa.portal}/{name}")
        await album.page(page, {"m/0": "not-found", "drafts": "drafts-empty"}.get(name, name))
    await page.click(".sm-account summary")
    await album.page(page, "account-menu")


async def in_spanish(portal: str, message: str, page: Page, album: Album) -> None:
    places = {"inbox": f"{portal}/inbox", "message": message, "reply": f"{message}/reply-all"}
    for name, place in places.items():
        await page.goto(f"{place}?lang=es")
        await album.page(page, f"{name}-es")
    await page.goto(f"{portal}/inbox?lang=en")


async def signed_out(rosa: Outsider, page: Page, album: Album) -> None:
    await page.click(".sm-account summary")
    await page.click(".sm-account__menu button")
    await page.wait_for_selector("#email")
    await album.page(page, "signed-out")
    await page.goto(f"{rosa.portal}/sign-in")
    await album.page(page, "sign-in")
    await rosa.signs_in(page, "not my password")
    await page.wait_for_selector("[role=alert]")
    await album.page(page, "sign-in-wrong")
    for name in ("help", "m/0"):
        await page.goto(f"{rosa.portal}/{name}")
        await album.page(page, {"m/0": "not-found-outside", "help": "help-outside"}[name])
    await page.goto(f"{rosa.portal}/sign-in?lang=es")
    await album.page(page, "sign-in-es")


async def take_pictures(every: Path | None, data: Path) -> None:
    """Walk the way once, with a camera."""
    album = Album(every)
    with Running(data, seeded=True) as running:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
            visit = Visit(running, browser)
            maria = Staff(visit, await (await visit.open()).new_page(), *MARIA)
            await compose(maria, album)
            rosa = Outsider(visit, await visit.open(), ROSA[1])
            page = await doors(rosa, album)
            message = page.url
            await mailbox(rosa, page, album)
            await in_spanish(rosa.portal, message, page, album)
            await maria.receives("Secure Message Read: Rosa Jiménez")
            await album.page(maria.page, "outlook-receipt")
            await maria.receives("RE: [secure] Your benefits review")
            await album.picture(maria.page, "reply")
            await album.page(maria.page, "outlook-reply")
            await signed_out(rosa, page, album)
            await browser.close()


async def take_gallery(every: Path, data: Path) -> None:
    """Take every page and state of the portal. Raises NotShown."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        missing = await gallery.walk(browser, data, Album(every).page)
        await browser.close()
    if missing:
        raise gallery.NotShown(", ".join(missing))


def main() -> int:
    """Parse the words and take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, three widths, light and dark, into it")
    parser.add_argument("--gallery", type=Path, metavar="FOLDER", help="pages and states of the portal only, into it")
    told = parser.parse_args()
    every: Path | None = told.all
    for folder in (PICTURES, every, told.gallery):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    os.environ["TZ"] = "America/New_York"  # the emulator's pages tell the time of the machine, the portal Eastern time
    time.tzset()
    with tempfile.TemporaryDirectory(prefix="safemail-pictures-") as data:
        if told.gallery is None:
            asyncio.run(take_pictures(every, Path(data)))
        if wanted := told.gallery or every:
            (rooms := Path(data) / "gallery").mkdir()
            asyncio.run(take_gallery(wanted, rooms))
    return 0


if __name__ == "__main__":
    sys.exit(main())
