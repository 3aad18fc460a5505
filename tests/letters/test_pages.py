"""Letters as a mail program shows them: narrow, dark, without pictures, and to a screen reader."""

from pathlib import Path

from playwright.async_api import Browser

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.html"))
AXE = Path(__file__).parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"
LANDMARKS = {"landmark-one-main", "region"}
"""Mail has no use for them."""


async def test_letters_are_accessible(browser: Browser):
    assert GOLDEN
    page = await browser.new_page()
    for path in GOLDEN:
        if path.stem == "reply":  # its words are the writer's
            continue
        await page.set_content(path.read_text(encoding="utf-8"))
        await page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await page.evaluate("axe.run().then(result => result.violations.map(one => one.id))")
        assert set(found) <= LANDMARKS, (path.name, found)


async def test_letters_fit_a_narrow_phone_and_a_wide_screen(browser: Browser):
    for width, scheme in ((320, "dark"), (1280, "light")):
        page = await browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
        for path in GOLDEN:
            await page.set_content(path.read_text(encoding="utf-8"))
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        await page.close()


async def test_letters_fetch_nothing(browser: Browser):
    page = await browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in GOLDEN:
        await page.set_content(path.read_text(encoding="utf-8"))
    assert asked == []
