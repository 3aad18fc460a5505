"""The mailbox in a real browser: without scripts, under its policy, for axe, on narrow screens."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from service.blobs import Blobs
from service.db.engine import Database
from service.vault.ring import KeyRing
from tests.chromium import ROOT
from tests.conftest import Clock
from tests.mailbox.builders import BOB, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Site


async def test_everything_works_without_scripts(site: Site, browser: Browser, tmp_path: Path) -> None:
    """From the inbox to a sent reply with a file, by links and forms alone."""
    context, page, faults = await site.open(browser, java_script_enabled=False)
    await page.goto(site.url)
    await page.click("a.sm-subj")
    frame = page.frame_locator("iframe.sm-body")
    assert await frame.locator("p").first.inner_text() == "Good morning"
    await page.click("text=Show pictures")
    assert "images=1" in page.url
    async with page.expect_download() as started:
        await page.click("a.sm-file >> nth=0")
    got = await (await started.value).path()
    assert got.read_bytes() == b"%PDF" * 99
    await page.click("text=Reply >> nth=0")
    await page.fill("#text", "Thank you.")
    await page.fill("#to", "pat@gmail.example")
    file = tmp_path / "stubs.pdf"
    file.write_bytes(b"%PDF-stubs")
    await page.set_input_files("#choose", file)
    await page.click("text=Send reply")
    assert await page.locator(".sm-comp__row .sm-why").count() == 1
    assert await page.input_value("#text") == "Thank you."
    await page.fill("#to", "alice@ct.gov")
    await page.click("text=Send reply")
    assert "Your reply was sent to alice@ct.gov." in await page.inner_text("[role=status]")
    await page.click("text=Show sent messages")
    await page.click("a.sm-subj")
    assert "stubs.pdf" in await page.inner_text(".sm-files")
    assert faults == []
    await context.close()


async def test_ticked_rows_are_deleted_and_brought_back_without_scripts(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser, java_script_enabled=False)
    await page.goto(f"{site.url}/inbox")
    await page.click("button[value=delete]")
    assert "Choose at least one message first." in await page.inner_text("[role=alert]")
    await page.check("input[name=m]")
    await page.click("button[value=delete]")
    assert "1 message moved to Deleted." in await page.inner_text("[role=status]")
    await page.click("text=Undo")
    assert await page.locator("a.sm-subj").count() == 1
    await page.click("a.sm-subj")
    await page.click(".sm-acts--top button[value=delete]")
    assert "1 message moved to Deleted." in await page.inner_text("[role=status]")
    await page.goto(f"{site.url}/deleted")
    await page.check("input[name=m]")
    await page.click("button[value=restore]")
    assert "1 message moved back." in await page.inner_text("[role=status]")
    assert faults == []
    await context.close()


async def test_a_folder_is_made_filled_and_deleted_without_scripts(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser, java_script_enabled=False)
    await page.goto(f"{site.url}/folders")
    await page.fill("#name", "Housing")
    await page.click("text=Create")
    await page.goto(f"{site.url}/inbox")
    await page.check("input[name=m]")
    await page.select_option("#move-rows", label="Housing")
    await page.click("button[value=move]")
    assert "1 message moved to “Housing”." in await page.inner_text("[role=status]")
    await page.click(".sm-side >> text=Housing")
    await page.click("a.sm-subj")
    await page.select_option("#move-one", label="Inbox")
    await page.click("button[value=move]")
    assert "1 message moved back." in await page.inner_text("[role=status]")
    await page.goto(f"{site.url}/folders")
    await page.click(".sm-own summary")
    await page.fill(".sm-own li input[name=name]", "Casa")
    await page.click(".sm-own li button")
    await page.click(".sm-own li >> text=Delete")
    await page.click("text=Delete folder >> nth=-1")
    assert "No folders yet." in await page.content()
    assert faults == []
    await context.close()


async def test_scripts_tick_all_rows_and_count(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}/inbox")
    await page.check("[data-all] input")
    assert await page.inner_text(".sm-tray__n") == "1 selected"
    assert await page.locator("tr.is-picked").count() == 1
    await page.uncheck("input[name=m]")
    assert await page.inner_text(".sm-tray__n") == ""
    assert not await page.is_checked("[data-all] input")
    assert faults == []
    await context.close()


async def test_a_mail_is_passed_on_without_scripts(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser, java_script_enabled=False)
    await page.goto(f"{site.url}{site.mail}")
    await page.click("text=Forward >> nth=0")
    await page.fill("#to", "dave@ct.gov")
    await page.uncheck("input[name=carry] >> nth=1")
    await page.click("button[value=send]")
    assert "Your message was sent to dave@ct.gov." in await page.inner_text("[role=status]")
    await page.click("text=Show sent messages")
    await page.click("a.sm-subj")
    assert "Form.pdf" in await page.inner_text(".sm-files")
    assert await page.locator("a.sm-file").count() == 1
    assert faults == []
    await context.close()


async def test_a_forward_saves_itself_and_still_heeds_its_ticks(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/forward")
    await page.uncheck("input[name=carry] >> nth=0")
    await page.fill("#text", "See below")
    await page.locator("[data-said]", has_text="Draft saved").wait_for()
    assert await page.locator("[data-carry]").count() == 0
    assert await page.locator("[data-up] li").count() == 1
    await page.type("#to", "dave@ct.gov,")
    await page.press("#text", "Control+Enter")
    await page.wait_for_selector("text=Your message was sent to")
    await page.goto(f"{site.url}/sent")
    await page.click("a.sm-subj")
    assert await page.locator("a.sm-file").count() == 1
    assert "Form.pdf" not in await page.inner_text(".sm-files")
    assert faults == []
    await context.close()


async def test_enter_in_a_field_neither_sends_nor_removes(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser, java_script_enabled=False)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.fill("#text", "Half a thought")
    await page.press("#subject", "Enter")
    assert "/drafts/" in page.url
    assert await page.input_value("#text") == "Half a thought"
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_nothing_scrolls_sideways(site: Site, browser: Browser, scheme: Any) -> None:
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    context, page, faults = await site.open(browser, color_scheme=scheme)
    await page.goto(f"{site.url}{site.mail}/reply-all")
    await page.fill("#text", "x")
    await page.fill("#to", "pat@gmail.example, bob")
    await page.click("text=Send reply")
    await page.locator(".sm-chip.is-bad").first.wait_for()
    refused = await page.content()
    assert "is not a state address" in refused
    for path in (
        "",
        "/inbox",
        "/sent",
        "/drafts",
        "/deleted",
        "/inbox?done=nothing",
        site.mail,
        f"{site.mail}/reply-all",
        "/inbox?lang=es",
    ):
        if path:
            await page.goto(site.url + path)
        for width in (1280, 768, 320):
            await page.set_viewport_size({"width": width, "height": 800})
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, (path, width)
            await page.evaluate(axe)
            found = await page.evaluate(
                "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'],"
                " iframes: false}).then(r => [r.passes.length, ...r.violations.map(v => v.id + v.nodes[0].html)])"
            )
            assert found[0] > 20
            assert found[1:] == [], (path, width)
    assert faults == []
    await context.close()


async def test_the_frame_stays_shut_under_its_own_policy(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser)
    foreign: list[str] = []
    page.on("request", lambda sent: foreign.append(sent.url) if "pictures.example" in sent.url else None)
    for path in (site.mail, f"{site.mail}/body", f"{site.mail}/text"):
        await page.goto(site.url + path, wait_until="load")
    assert foreign == []
    await page.goto(f"{site.url}{site.mail}/body")
    assert await page.evaluate("self.origin") == "null"
    await context.close()


async def test_a_mail_cannot_be_laid_over_the_head_of_the_printed_page(
    site: Site, browser: Browser, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock
) -> None:
    white = "<p style='color:#fff'>White</p>" * 9
    html = f"<style>body{{margin-top:-250px}} p{{margin:0}}</style><h1>From: the governor</h1>{white}"
    mail = await a_sealed_mail(db, rings, blobs, with_files(html=html), now=clock.now)
    context, page, _ = await site.open(browser)
    await page.goto(f"{site.url}/m/{mail.deliveries[BOB].hex}/print")
    seen = await page.evaluate(
        "(() => { const box = document.querySelector('h1').getBoundingClientRect();"
        " const top = document.elementFromPoint(box.right - 20, box.bottom - 4);"
        " return [top.closest('.sm-mail') === null, getComputedStyle(document.querySelector('main p')).color,"
        " getComputedStyle(document.body).backgroundColor] })()"
    )
    assert seen == [True, "rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    await context.close()


async def test_a_reply_saves_itself_and_is_sent_with_what_was_typed_last(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.fill("#text", "Half a thought")
    await page.locator("[data-said]", has_text="Draft saved").wait_for()
    assert "/drafts/" in await page.evaluate("document.querySelector('form[data-compose]').action")
    await page.fill("#text", "A whole thought")
    await page.press("#text", "Control+Enter")
    await page.wait_for_selector("text=Your reply was sent to")
    await page.goto(f"{site.url}/sent")
    assert await page.locator("a.sm-subj").count() == 1
    assert "A whole thought" in await page.inner_text(".sm-excerpt")
    assert faults == []
    await context.close()
