"""Writing in a real browser: addresses, text, files, saving; without a mouse, under the pages' policy, for axe."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import func, select, update

from service.blobs import Blobs
from service.core.states import HandedOver, MessageKind
from service.db.engine import Database
from service.db.tables import Blob, Handover, Message
from service.mailbox.opening import Content
from service.recipients import address_index
from service.vault.ring import KeyRing
from tests.chromium import ROOT
from tests.conftest import Clock
from tests.portal_mailbox.conftest import Site
from tests.portal_mailbox.test_reply import opened_by_mailer

Rings = dict[str, KeyRing]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = (
    "<style>p{color:red}</style><p style='color:red' onclick='window.hit=1'>Kept <b>bold</b></p><script>window.hit=1"
    "</script><img src=x onerror='window.hit=1'><a href='javascript:window.hit=1'>odd</a><svg onload='window.hit=1'>"
    "</svg><iframe srcdoc='<script>parent.hit=1</script>'></iframe><a href='https://ct.gov/a' id=to>fine</a>"
)
PASTE = """([html, plain]) => {
  const data = new DataTransfer();
  data.setData('text/html', html);
  data.setData('text/plain', plain);
  const box = document.querySelector('[data-editor]');
  box.focus();
  box.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
}"""
DROP = """([kind, name, length]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(length)], name));
  if (kind === 'picture') data.setData('text/html', '<meta charset="utf-8"><img src="https://x.example/1.png">');
  const target = document.querySelector(kind === 'drop' ? '[data-drop]' : '[data-editor]');
  const event = kind !== 'drop'
    ? new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})
    : new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
  target.dispatchEvent(event);
}"""


async def chips(page: Page) -> list[tuple[str, bool]]:
    found = await page.locator("#to >> xpath=ancestor::div[contains(@class,'sm-comp__row')]").locator(".sm-chip").all()
    return [
        (await one.locator("[data-who]").inner_text(), "is-bad" in (await one.get_attribute("class") or ""))
        for one in found
    ]


async def saved(page: Page) -> None:
    await page.locator("[data-said]", has_text="Draft saved").wait_for()


async def the_reply(db: Database) -> Message:
    async with db.reading() as session:
        return (await session.scalars(select(Message).where(Message.kind == MessageKind.REPLY))).one()


async def test_addresses_are_judged_as_they_are_typed(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.locator(".sm-chip").first.wait_for()
    assert await chips(page) == [("Alice Example", False)]
    await page.type("#to", "dave@ct.gov,")
    await page.type("#to", "erin@po.state.ct.us ")
    await page.type("#to", "pat@gmail.com")
    await page.press("#to", "Enter")
    await page.locator(".sm-chip.is-bad").wait_for()
    assert await chips(page) == [
        ("Alice Example", False),
        ("dave@ct.gov", False),
        ("erin@po.state.ct.us", False),
        ("pat@gmail.com", True),
    ]
    assert (
        "pat@gmail.com is not a state address. Messages from here go only to addresses that end in ct.gov or "
        "po.state.ct.us. Remove it to send." in " ".join((await page.inner_text(".sm-why")).split())
    )
    await page.type("#to", "bob")
    await page.press("#to", "Tab")
    await page.locator(".sm-chip.is-bad >> nth=1").wait_for()
    assert await page.input_value("#to-all") == (
        "Alice Example <alice@ct.gov>, dave@ct.gov, erin@po.state.ct.us, pat@gmail.com, bob"
    )
    await page.fill("#text", "Thank you.")
    await page.click("text=Send reply")
    await page.wait_for_function("document.activeElement.getAttribute('aria-label') === 'Remove pat@gmail.com'")
    await page.keyboard.press("Enter")
    await page.click("[aria-label='Remove bob']")
    await page.click("text=Send reply")
    await page.wait_for_selector("text=Your reply was sent to")
    assert faults == []
    await context.close()


async def test_people_who_wrote_are_suggested_and_nobody_else(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/forward")
    await page.type("#to", "a")
    await page.locator("#to-known [role=option]").first.wait_for()
    assert await page.locator("#to-known [role=option]").all_inner_texts() == [
        "Alice Example alice@ct.gov",
        "dave@ct.gov",
    ]
    await page.press("#to", "ArrowDown")
    await page.press("#to", "Enter")
    await page.locator(".sm-chip").wait_for()
    assert await chips(page) == [("Alice Example", False)]
    await page.type("#to", "d")
    await page.locator("#to-known [role=option]").first.wait_for()
    await page.press("#to", "Escape")
    assert await page.locator("#to-known").is_hidden()
    assert faults == []
    await context.close()


async def test_hostile_markup_pasted_into_the_editor_does_nothing(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    asked: list[str] = []
    await page.goto(f"{site.url}{site.mail}/reply")
    page.on("request", lambda one: asked.append(one.url))
    await page.evaluate(PASTE, [HOSTILE, "Kept bold"])
    await page.wait_for_timeout(300)
    html = await page.inner_html("[data-editor]")
    assert "<b>bold</b>" in html
    assert 'href="https://ct.gov/a"' in html
    for gone in ("style", "onclick", "javascript", "<img", "svg", "iframe", "script", 'id="to"'):
        assert gone not in html
    assert await page.evaluate("window.hit") is None
    assert asked == []
    assert faults == []
    await context.close()


async def test_a_rich_reply_arrives_safe_with_its_plain_words(
    site: Site, browser: Browser, db: Database, rings: Rings, blobs: Blobs
) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.locator(".sm-chip").wait_for()
    await page.click("[data-editor]")
    await page.keyboard.press("Control+b")
    await page.keyboard.type("Thank you")
    await page.keyboard.press("Control+b")
    await page.keyboard.type(" for this.")
    await page.keyboard.press("Enter")
    await page.click("[data-do=bullets]")
    await page.keyboard.type("one")
    await page.keyboard.press("Enter")
    await page.keyboard.type("two")
    assert await page.get_attribute("[data-do=bullets]", "aria-pressed") == "true"
    await saved(page)
    await page.reload()
    assert "<li>" in await page.inner_html("[data-editor]")
    await page.click("text=Send reply")
    await page.wait_for_selector("text=Your reply was sent to")
    reply = await the_reply(db)
    sheet, key = opened_by_mailer(rings, reply)
    async with db.reading() as session:
        keys = {row.name: row.key for row in await session.scalars(select(Blob).where(Blob.message_id == reply.id))}
    content = Content(blobs, key, reply.id, keys)
    by_type = {part.type: part for part in sheet.parts}
    text = await content.read_text(by_type["text/plain"])
    html = await content.read_text(by_type["text/html"])
    assert text.startswith(
        "Thank you for this.\n\n- one\n- two\n\nOn November 24, 2026, 10:00 AM EST, Alice Example wrote:"
    )
    assert html.startswith("<div><b>Thank you</b> for this.</div><ul>")
    assert "<blockquote>Good morning" in html
    await page.click("text=Show sent messages")
    await page.click("a.sm-subj")
    assert await page.frame_locator("iframe.sm-body").locator("b").first.inner_text() == "Thank you"
    assert faults == []
    await context.close()


async def test_plain_stays_plain_where_it_is_chosen(site: Site, browser: Browser, db: Database, rings: Rings) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.fill("#text", "First")
    await page.click("[data-plain]")
    assert await page.input_value("textarea#text") == "First"
    await page.fill("#text", "First\nSecond")
    await saved(page)
    await page.reload()
    assert await page.input_value("textarea#text") == "First\nSecond"
    await page.click("[data-rich]")
    assert await page.inner_html("[data-editor]") == "<div>First</div><div>Second</div>"
    await page.click("[data-plain]")
    await page.click("text=Send reply")
    await page.wait_for_selector("text=Your reply was sent to")
    sheet, _ = opened_by_mailer(rings, await the_reply(db))
    assert [part.type for part in sheet.parts] == ["text/plain"]
    assert faults == []
    await context.close()


async def test_a_whole_reply_by_keyboard_alone(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.locator(".sm-chip").wait_for()
    await page.focus("#to")
    await page.keyboard.type("dave@ct.gov,")
    stops: list[str] = []
    for _ in range(20):
        await page.keyboard.press("Tab")
        stops.append(await page.evaluate("document.activeElement.dataset.do ?? document.activeElement.id"))
        if stops[-1] == "text":
            break
    assert stops[-2:] == ["bold", "text"], stops
    await page.keyboard.type("Dear Alice")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate("document.activeElement.dataset.do") == "italic"
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('[data-editor]')") is None
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("text=Your reply was sent to")
    assert faults == []
    await context.close()


async def test_a_link_is_set_by_its_dialog(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.fill("#text", "the form")
    await page.press("#text", "Control+a")
    await page.click("[data-do=link]")
    await page.fill("#link-address", "javascript:alert(1)")
    await page.keyboard.press("Enter")
    assert await page.inner_text("#link-error") == "Write an address that starts with https://"
    await page.fill("#link-address", "portal.ct.gov/form")
    await page.keyboard.press("Enter")
    assert '<a href="https://portal.ct.gov/form">the form</a>' in await page.inner_html("[data-editor]")
    assert faults == []
    await context.close()


@pytest.mark.parametrize("way", ["choose", "drop", "paste", "picture"])
async def test_a_file_goes_up_at_once(site: Site, browser: Browser, tmp_path: Path, way: str) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    if way == "choose":
        (tmp_path / "stubs.pdf").write_bytes(bytes(300_000))
        await page.set_input_files("#choose", tmp_path / "stubs.pdf")
    else:
        await page.evaluate(DROP, [way, "stubs.pdf", 300_000])
    await page.locator("[aria-label='Remove stubs.pdf']").wait_for()
    assert "293 KB of 2 MB used" in await page.inner_text("[data-budget]")
    await page.click("[aria-label='Remove stubs.pdf']")
    await page.locator("[data-up] li").wait_for(state="detached")
    assert "0 KB of 2 MB used" in await page.inner_text("[data-budget]")
    assert faults == []
    await context.close()


async def test_what_would_not_fit_is_said_before_it_goes_up(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.evaluate(DROP, ["drop", "a.bin", 1_500_000])
    await page.locator("[aria-label='Remove a.bin']").wait_for()
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.method))
    await page.evaluate(DROP, ["drop", "scan.tif", 600_000])
    row = page.locator("[data-up] li", has_text="scan.tif")
    assert (
        "scan.tif is 586 KB. You have 489 KB left. Remove a file or send it in a second message."
        in await row.inner_text()
    )
    assert "Not added" in await row.inner_text()
    assert sent == []
    await page.click("[aria-label='Dismiss scan.tif']")
    assert await page.locator("[data-up] li").count() == 1
    await context.close()


async def test_a_file_can_be_stopped_and_tried_again(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.fill("#text", "Here it is.")
    await saved(page)
    gate = asyncio.Event()
    broken: list[str] = []

    async def slow(route: Any) -> None:
        await gate.wait()
        await route.abort()

    await page.route("**/files", slow)
    await page.evaluate(DROP, ["drop", "one.bin", 1000])
    await page.evaluate(DROP, ["drop", "two.bin", 1000])
    await page.click("[aria-label='Cancel two.bin']")
    assert await page.locator("[data-up] li").count() == 1
    assert await page.locator("[data-up] progress").get_attribute("aria-label") == "Sending one.bin"
    gate.set()
    await page.locator("[aria-label='Try one.bin again']").wait_for()
    assert "It did not arrive. Check your connection." in await page.inner_text("[data-up]")
    await page.unroute("**/files")
    await page.click("[aria-label='Try one.bin again']")
    await page.locator("[aria-label='Remove one.bin']").wait_for()
    assert broken == []
    assert faults == []
    await context.close()


async def test_opening_the_form_writes_nothing_and_leaving_it_keeps_all(
    site: Site, browser: Browser, db: Database
) -> None:
    context, page, _ = await site.open(browser)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.method == "POST" else None)
    await page.goto(f"{site.url}{site.mail}/reply-all")
    await page.wait_for_timeout(2500)
    assert [url for url in asked if not url.endswith("/compose/addresses")] == []
    await page.fill("#text", "Left at once")
    await page.goto(f"{site.url}/drafts")
    async with db.reading() as session:
        drafts = select(func.count()).select_from(Message).where(Message.kind == MessageKind.DRAFT)
        for _attempt in range(100):
            if await session.scalar(drafts):
                break
            await asyncio.sleep(0.05)
    await page.reload()
    assert "Left at once" in await page.inner_text("main")
    await context.close()


async def test_a_pasted_list_becomes_chips(site: Site, browser: Browser) -> None:
    context, page, faults = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/forward")
    await page.evaluate(
        "(text) => { const data = new DataTransfer(); data.setData('text/plain', text);"
        " document.querySelector('#to').dispatchEvent("
        "new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})) }",
        "alice@ct.gov\nDave <dave@ct.gov>; pat@gmail.com",
    )
    await page.locator(".sm-chip.is-bad").wait_for()
    assert await chips(page) == [("alice@ct.gov", False), ("Dave", False), ("pat@gmail.com", True)]
    assert faults == []
    await context.close()


async def test_a_lost_connection_keeps_the_text(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.fill("#text", "Half a thought")
    await context.set_offline(True)
    await page.locator("[data-said]", has_text="Not saved. We will try again.").wait_for()
    assert await page.inner_text("[data-editor]") == "Half a thought"
    await context.set_offline(False)
    await saved(page)
    assert "/drafts/" in page.url
    await context.close()


async def test_two_windows_ask_which_one_is_kept(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.fill("#text", "Begun")
    await saved(page)
    other = await context.new_page()
    await other.goto(page.url)
    await other.fill("#text", "Theirs")
    await other.locator("[data-spoken]", has_text="Draft saved").wait_for(state="attached")
    await page.fill("#text", "Mine")
    await page.locator("[data-conflict]").wait_for()
    assert "This draft was changed in another window." in await page.inner_text("[data-conflict]")
    await page.click("[data-keep]")
    await page.locator("[data-conflict]").wait_for(state="hidden")
    await saved(page)
    await other.fill("#text", "Theirs again")
    await other.locator("[data-conflict]").wait_for()
    await other.click("[data-other]")
    await other.locator("[data-editor]", has_text="Mine").wait_for()
    await context.close()


async def test_saving_is_spoken_once_a_minute(site: Site, browser: Browser) -> None:
    context, page, _ = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.evaluate(
        "window.spoken = 0; new MutationObserver(() => spoken++)"
        ".observe(document.querySelector('[data-spoken]'), {childList: true, characterData: true, subtree: true})"
    )
    for words in ("One", "Two"):
        async with page.expect_response(re.compile("/(reply|drafts/.*)$")):
            await page.fill("#text", words)
    assert await page.evaluate("spoken") == 1
    assert await page.get_attribute("[data-said]", "role") is None
    await context.close()


@pytest.mark.parametrize(("scheme", "lang"), [("light", "en"), ("dark", "es")])
async def test_axe_finds_nothing_in_any_state(site: Site, browser: Browser, scheme: Any, lang: str) -> None:
    context, page, _ = await site.open(browser, color_scheme=scheme)
    await page.goto(f"{site.url}{site.mail}/reply?lang={lang}")
    await page.locator(".sm-chip").first.wait_for()
    await page.type("#to", "pat@gmail.com,")
    await page.locator(".sm-chip.is-bad").wait_for()
    await page.evaluate(DROP, ["drop", "a" * 90 + ".bin", 1_500_000])
    await page.locator("[data-up] .is-done").wait_for()
    await page.evaluate(DROP, ["drop", "too big.bin", 1_500_000])
    await page.type("#to", "d")
    await page.locator("#to-known [role=option]").first.wait_for()
    await is_fine(page)
    await page.click("[data-plain]")
    await page.evaluate("document.querySelector('[data-conflict]').hidden = false")
    await is_fine(page)
    await page.click("[data-rich]")
    await page.click("[data-do=link]")
    await is_fine(page)
    await context.close()


async def test_a_session_that_ended_is_said_and_the_text_stays(site: Site, browser: Browser, clock: Clock) -> None:
    context, page, _ = await site.open(browser)
    await page.goto(f"{site.url}{site.mail}/reply")
    clock.advance(timedelta(minutes=16))
    await page.fill("#text", "Half a thought")
    await page.locator("[data-said]", has_text="You were signed out.").wait_for()
    assert await page.inner_text("[data-editor]") == "Half a thought"
    await context.close()


@pytest.mark.parametrize(("scheme", "lang"), [("light", "es"), ("dark", "en")])
async def test_axe_finds_nothing_in_how_far_it_is(
    site: Site, browser: Browser, db: Database, rings: Rings, scheme: Any, lang: str
) -> None:
    context, page, _ = await site.open(browser, color_scheme=scheme)
    await page.goto(f"{site.url}{site.mail}/reply")
    await page.type("#to", "dave@ct.gov, erin@ct.gov, frank@ct.gov,")
    await page.fill("#text", "Hello")
    await page.press("#text", "Control+Enter")
    await page.wait_for_selector("text=Your reply was sent to")
    await page.click("main [role=status] summary")
    await is_fine(page)
    moved = {"dave": HandedOver.DELIVERED, "erin": HandedOver.RETURNED, "frank": HandedOver.SENT}
    async with db.writing() as session:
        for name, state in moved.items():
            index = address_index(rings["portal"], f"{name}@ct.gov")
            await session.execute(
                update(Handover).where(Handover.address_index == index).values(state=state, reason="5.7.1")
            )
    await page.goto(f"{site.url}/sent?lang={lang}")
    await is_fine(page)
    await page.click("a.sm-subj")
    await is_fine(page)
    await context.close()


async def is_fine(page: Page) -> None:
    for width in (1280, 320):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run().then(all => all.violations.map(one => [one.id, one.nodes[0].html]))")
    assert found == []
