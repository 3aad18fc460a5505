"""Every page in every state (tests.gallery), under axe and in every width: English in light, Spanish in dark."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page

from tests import gallery
from tests.chromium import ROOT

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
BY_THE_SENDER = {"message-text": ["page-has-heading-one", "color-contrast"]}
"""A page of what somebody wrote, with nothing of ours round it; axe takes its ground, the browser's own, for white."""
RUN = """(off) => axe.run({exclude: [".sm-mail"]}, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  rules: Object.fromEntries(off.map((name) => [name, {enabled: false}])),
  iframes: false,
  preload: false,
  selectors: false,
  resultTypes: ["violations"],
}).then((found) => found.violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`))"""
WIDTHS = (1280, 320, 768, 1920)
AXE_WIDTHS = (1280, 320)
TOO_WIDE = """(() => {
  const root = document.documentElement;
  return root.scrollWidth > root.clientWidth ? `${root.scrollWidth - root.clientWidth} px too wide` : "";
})()"""
RUNS_SCRIPTS = "matchMedia('(scripting: enabled)').matches"
"""Else a page cannot run axe either: it is looked at in a copy without our scripts."""
SCRIPTS = re.compile(r"<script\b.*?</script>", re.DOTALL)
LETTERS = 16
"""A browser's letters, in pixels, unless its owner chose others."""
SCHEMES: dict[str, Literal["light", "dark"]] = {"en": "light", "es": "dark"}


class Eye:
    """Looks at each page as a reader may have set the browser, and notes what is wrong with it."""

    def __init__(self) -> None:
        self.seen = 0
        self.found: list[str] = []

    def note(self, where: str, faults: Iterable[str]) -> None:
        self.found += [f"{where}: {fault}" for fault in faults if fault]

    async def look(self, page: Page, name: str) -> None:
        self.seen += 1
        if await page.evaluate(RUNS_SCRIPTS):
            await self.check(page, name)
            return
        browser = page.context.browser
        assert browser is not None
        markup = SCRIPTS.sub("", await page.content())
        still = await browser.new_page()
        await still.route(page.url, lambda route: route.fulfill(body=markup, content_type="text/html; charset=utf-8"))
        await still.goto(page.url)
        await self.check(still, name)
        await still.close()

    async def check(self, page: Page, name: str) -> None:
        await page.emulate_media(color_scheme=SCHEMES[name.rsplit("-", 1)[1]], reduced_motion="reduce")
        await page.evaluate(AXE)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            self.note(f"{name} at {width}", [await page.evaluate(TOO_WIDE)])
            if width in AXE_WIDTHS:
                self.note(f"{name} at {width}", await page.evaluate(RUN, BY_THE_SENDER.get(name.rsplit("-", 1)[0], [])))
        await page.set_viewport_size({"width": 1280, "height": 800})
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 2 * LETTERS}})
        self.note(f"{name} in large letters", [await page.evaluate(TOO_WIDE)])
        await devtools.send("Page.setFontSizes", {"fontSizes": {"standard": LETTERS}})
        await devtools.detach()


@pytest.mark.parametrize("language", gallery.LANGUAGES)
async def test_axe_finds_nothing_and_nothing_scrolls_sideways(browser: Browser, tmp_path: Path, language: str) -> None:
    eye = Eye()
    missing = await gallery.walk(browser, tmp_path, eye.look, [language])
    assert missing == []
    assert eye.found == []
    assert eye.seen > 60
