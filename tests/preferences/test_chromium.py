"""The preferences in a real browser: without scripts, for axe, on narrow screens, in both languages."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.chromium import ROOT
from tests.portal_mailbox.conftest import Site

PAGES = ("profile", "password", "reading", "notices", "language", "signature", "data", "data/close", "closed")


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("es", "dark")])
async def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    site: Site, browser: Browser, language: str, scheme: str
) -> None:
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    context, page, faults = await site.open(browser, color_scheme=scheme)
    for path in PAGES:
        if path == "closed":
            await context.clear_cookies()
        await page.goto(f"{site.url}/preferences/{path}?lang={language}&saved=1")
        for width in (1280, 768, 320):
            await page.set_viewport_size({"width": width, "height": 800})
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, (path, width)
        for width in (1280, 320):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.evaluate(axe)
            found = await page.evaluate(
                "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
                ".then(r => [r.passes.length, ...r.violations.map(v => v.id + v.nodes[0].html)])"
            )
            assert found[0] > 15
            assert found[1:] == [], (path, width)
    assert faults == []
    await context.close()


async def test_each_form_works_without_scripts_and_says_that_it_saved(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser, java_script_enabled=False)
    await page.goto(f"{site.url}/preferences")
    await page.fill("#first", "Roberto")
    await page.click("text=Save")
    assert "Saved." in await page.inner_text("[role=status]")
    await page.click(".sm-side >> text=Reading")
    await page.select_option("#rows", "25")
    await page.click("label[for=density-compact]")
    await page.click("label[for=theme-dark]")
    await page.click("label[for=shortcuts-1]")
    await page.click("button:has-text('Save')")
    assert "Saved." in await page.inner_text("[role=status]")
    assert await page.get_attribute("html", "data-theme") == "dark"
    assert await page.is_checked("#shortcuts-1")
    await page.click(".sm-side >> text=Signature")
    await page.fill("#text", "Roberto\nElm Street")
    await page.click("button:has-text('Save')")
    assert await page.input_value("#text") == "Roberto\nElm Street"
    await page.click(".sm-side >> text=Language and time zone")
    await page.select_option("#language", "es")
    await page.select_option("#zone", "America/Chicago")
    await page.click("button:has-text('Save')")
    assert "Guardado." in await page.inner_text("[role=status]")
    assert faults == []
    await context.close()


async def test_a_small_screen_has_the_sections_folded_above(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser, viewport={"width": 360, "height": 800}, java_script_enabled=False)
    await page.goto(f"{site.url}/preferences/reading")
    assert not await page.is_visible(".sm-side")
    await page.click(".sm-sections summary")
    await page.click(".sm-sections >> text=Signature")
    assert page.url.endswith("/preferences/signature")
    await context.close()


async def test_an_error_gets_the_focus_and_leads_to_its_field(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser)
    await page.goto(f"{site.url}/preferences/signature")
    await page.fill("#text", "x" * 1001)
    await page.click("button:has-text('Save')")
    assert "Take out 1." in await page.evaluate("document.activeElement.innerText")
    await page.click("[role=alert] a")
    assert await page.evaluate("document.activeElement.id") == "text"
    await context.close()


async def test_the_rules_for_a_password_have_room_at_every_width(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser)
    await page.goto(f"{site.url}/preferences/password")
    await page.focus("#password")
    for width in (1920, 1280, 1200, 1199, 1024, 1023, 320):
        await page.set_viewport_size({"width": width, "height": 800})
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, width
        assert await page.is_visible("#rules"), width
    await context.close()


async def test_the_whole_mailbox_comes_down_as_a_file(site: Site, browser: Browser, tmp_path: Path) -> None:
    context, page, _ = await site.open(browser)
    await page.goto(f"{site.url}/preferences/data")
    async with page.expect_download() as started:
        await page.click("text=Download ZIP")
    download = await started.value
    assert download.suggested_filename == "Safemail 2026-11-24.zip"
    await download.save_as(tmp_path / "mail.zip")
    assert (tmp_path / "mail.zip").read_bytes()[:4] == b"PK\x03\x04"
    await context.close()
