"""What a reader's own settings do to our looks: forced colours, less motion, paper."""

from typing import Literal

import pytest
from playwright.async_api import Browser, Page

from tests.portal_mailbox.conftest import Site

GROUND = "one => getComputedStyle(one.labels[0], '::before').backgroundColor"

MOVING = """[...document.querySelectorAll("*")].filter((one) => {
  const { transitionDuration, animationName } = getComputedStyle(one);
  return parseFloat(transitionDuration) > 0 || animationName !== "none";
}).map((one) => one.outerHTML.slice(0, 99))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_colours_of_the_readers_own_still_show_what_is_chosen_and_used(
    site: Site, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    context, page, faults = await site.open(browser, forced_colors="active", color_scheme=scheme)
    await page.goto(f"{site.url}/preferences/reading")
    chosen, other = [await page.locator(f"[name=density] >> nth={at}").evaluate(GROUND) for at in (0, 1)]
    assert chosen != other
    await page.focus("[name=shortcuts]")
    await page.keyboard.press("Space")
    tick = await page.locator("[name=shortcuts]").evaluate("one => getComputedStyle(one.labels[0], '::before').content")
    assert tick == '"✓"'
    await page.goto(f"{site.url}/inbox")
    assert await style(page, ".sm-seg [aria-current]", "textDecorationLine") == "underline"
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.wait_for_selector(".sm-chip")
    for drawn in (".sm-chip", "meter"):
        assert await style(page, drawn, "borderTopWidth") == "1px", drawn
    icon, words = [await style(page, f".sm-chip {part}", "color") for part in ("> svg", "[data-who]")]
    assert icon == words
    assert faults == []
    await context.close()


async def test_where_motion_is_not_wanted_nothing_moves(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser, reduced_motion="reduce")
    for path in ("/inbox", site.mail, f"{site.mail}/reply", "/preferences/security", "/help"):
        await page.goto(site.url + path)
        assert await page.evaluate(MOVING) == [], path
    await context.close()


async def test_a_dark_page_is_printed_dark_on_light_without_its_bars(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser, color_scheme="dark")
    await page.goto(site.url + site.mail)
    await page.evaluate("document.documentElement.dataset.theme = 'dark'")
    light_on_dark = await style(page, "h1", "color")
    await page.emulate_media(media="print")
    assert await style(page, "h1", "color") != light_on_dark
    assert await style(page, "h1", "color") == "rgb(28, 29, 31)"
    for bar in (".sm-bar", ".sm-side", ".sm-foot", ".sm-acts"):
        assert await style(page, bar, "display") == "none", bar
    await context.close()


async def style(page: Page, selector: str, name: str) -> str:
    return str(await page.locator(selector).first.evaluate(f"one => getComputedStyle(one).{name}"))
