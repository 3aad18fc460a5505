"""The help centre's pictures, taken of the product in both languages: `python -m tests.help_pictures`."""

import asyncio
import base64
import os
import sys
import tempfile
import time
from pathlib import Path

from playwright.async_api import Page, async_playwright

from emulator.cast import ROSA
from tests.chromium import ARGUMENTS, ROOT, chromium_path
from tests.journey.person import Outsider, Visit
from tests.journey.running import Running
from tests.screenshots import ANSWER, LIST, STUB, TooBig

FOLDER = ROOT / "service" / "portal" / "static" / "src" / "help"
GOLDEN = ROOT / "tests" / "letters" / "golden"
NOTICES = {"en": "notice_account", "es": "notice_spanish"}
MOST_BYTES = 600_000
"""Of all together."""
WIDTH, TALL, QUALITY = 840, 1600, 72
"""Wide enough for two columns of a page, narrow enough to be read where it stands in an answer."""


class Camera:
    """Takes one piece of a page, in both languages."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def both(self, name: str, first: str, last: str = "", width: int = WIDTH) -> None:
        here = self.page.url
        for language in NOTICES:
            await self.page.goto(f"{here}{'&' if '?' in here else '?'}lang={language}")
            if name == "sign-in":
                await self.page.click(".sm-forgot summary")
            if name == "register":
                await self.page.fill("#password", "quiet otters")
                await self.page.wait_for_timeout(800)  # the strength is told a little after the last key
            await self.take(f"{name}-{language}", first, last or first, width)
        await self.page.goto(f"{here}{'&' if '?' in here else '?'}lang=en")

    async def take(self, name: str, first: str, last: str, width: int = WIDTH) -> None:
        """Take what lies between the top of one thing and the end of another."""
        await self.page.set_viewport_size({"width": width, "height": TALL})
        await self.page.wait_for_load_state("networkidle")
        boxes = [await self.page.locator(place).first.bounding_box() for place in (first, last)]
        top, bottom = (box for box in boxes if box is not None)
        left = min(top["x"], bottom["x"])
        clip = {
            "x": max(0, left - 12),
            "y": max(0, top["y"] - 12),
            "width": max(top["x"] + top["width"], bottom["x"] + bottom["width"]) - left + 24,
            "height": bottom["y"] + bottom["height"] - top["y"] + 24,
            "scale": 1,
        }
        cdp = await self.page.context.new_cdp_session(self.page)
        taken = await cdp.send(
            "Page.captureScreenshot",
            {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True},
        )
        (FOLDER / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))


async def take_pictures(data: Path) -> None:
    """Come in once, and take what the answers show."""
    with Running(data, seeded=True) as running:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
            rosa = Outsider(visit := Visit(running, browser), await visit.open(), ROSA[1])
            page = await rosa.opens_notice("Your benefits review")
            camera = Camera(page)
            await rosa.proves_mailbox(page)
            await camera.both("register", "form.sm-sheet", "form.sm-sheet")
            await rosa.fills_account(page)
            await camera.both("files", "h1", ".sm-files")
            await page.goto(page.url.partition("?")[0] + "/reply")
            await page.fill("#text", ANSWER)
            await page.set_input_files("#choose", [STUB, LIST])
            await page.wait_for_load_state("networkidle")
            await page.click(".sm-sendbar button[value=save]")
            await page.wait_for_url("**/drafts/*")
            await camera.both("reply", "form[data-compose]")
            await page.goto(f"{running.portal}/preferences")
            await camera.both("preferences", ".sm-shell .sm-side", ".sm-sheet", 1100)
            await page.context.clear_cookies()
            await page.goto(f"{running.portal}/sign-in")
            await camera.both("sign-in", "form.sm-sheet")
            for language, notice in NOTICES.items():
                await page.goto((GOLDEN / f"{notice}.html").as_uri())
                await camera.take(f"notice-{language}", "table table", "table table")
            await browser.close()
    weight = sum(path.stat().st_size for path in FOLDER.iterdir())
    if weight > MOST_BYTES:
        raise TooBig(f"the pictures are {weight} bytes")


def main() -> int:
    """Take them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    with tempfile.TemporaryDirectory(prefix="safemail-help-") as data:
        asyncio.run(take_pictures(Path(data)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
