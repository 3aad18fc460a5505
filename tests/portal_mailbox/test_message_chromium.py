"""The pages of one message in a real browser: what they do without scripts, and what axe says of each state."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Request, Route

from service.blobs import Blobs
from service.db.engine import Database
from service.mailbox.own_folders import add_folder
from service.vault.ring import KeyRing
from tests.chromium import ROOT
from tests.conftest import Clock
from tests.mailbox.builders import BOB, HELLO, a_recipient, a_sealed_mail, with_files
from tests.mailbox.test_pictures import png
from tests.portal_mailbox.conftest import Site

HTML = (
    "<p><a href='https://u@xn--pple-43d.com/a'>ct.gov</a> <a href='mailto:alice@ct.gov,eve@x.example'>mail</a>"
    " <a href='tel:1'>call</a> <a href='https://ct.gov\u2044x/'>odd</a> <a href='http://192.0.2.1/'>number</a></p>"
    "<img src='https://pictures.example/1.png'>"
)
MAIL = Path(__file__).parent.parent / "mail"
RUN = (
    "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'], iframes: false})"
    ".then(r => [r.passes.length, ...r.violations.map(v => v.id + v.nodes[0].html)])"
)
ROWS = """new Set([...document.querySelectorAll(".sm-acts--top > *")].filter((one) => one.offsetHeight)
  .map((one) => Math.round(one.getBoundingClientRect().y + one.offsetHeight / 2))).size"""


class Shelf:
    """Puts mail into Bob's mailbox."""

    def __init__(self, site: Site, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock) -> None:
        self.site, self.db, self.blobs, self.rings, self.clock = site, db, blobs, rings, clock

    async def put(self, eml: bytes, **options: Any) -> str:
        mail = await a_sealed_mail(self.db, self.rings, self.blobs, eml, now=self.clock.now, **options)
        return f"{self.site.url}/m/{mail.deliveries[BOB].hex}"

    async def add_folder(self, name: str) -> None:
        bob = await a_recipient(self.db, self.rings, BOB, self.clock.now)
        async with self.db.writing() as session:
            await add_folder(session, self.rings["portal"], bob.id, name, self.clock.now)


@pytest.fixture
def shelf(site: Site, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock) -> Shelf:
    return Shelf(site, db, blobs, rings, clock)


async def test_a_link_opens_our_page_apart_and_only_a_press_leads_on(shelf: Shelf, browser: Browser) -> None:
    mail = await shelf.put(with_files(html="<a href='https://portal.ct.gov/form'>form</a>"))
    context, page, faults = await shelf.site.open(browser, java_script_enabled=False)
    asked: list[str] = []
    headers: list[dict[str, str]] = []

    async def stop(route: Route, request: Request) -> None:
        asked.append(request.url)
        headers.append(request.headers)
        await route.abort()

    await context.route(re.compile("^https://"), stop)
    await page.goto(mail)
    async with context.expect_page() as opened:
        await page.frame_locator("iframe.sm-body").locator("a").click()
    leaving = await opened.value
    await leaving.wait_for_load_state()
    assert await leaving.inner_text("h1") == "You are leaving Safemail"
    assert await leaving.inner_text(".sm-leave__to") == "https://portal.ct.gov/form"
    assert asked == []
    await leaving.click("text=Go to portal.ct.gov")
    await leaving.wait_for_url("chrome-error://**")
    assert asked == ["https://portal.ct.gov/form"]
    assert "referer" not in headers[0]
    assert page.url == mail
    assert faults == []
    await context.close()


async def test_menus_file_a_message_without_scripts_and_close_with_them(shelf: Shelf, browser: Browser) -> None:
    await shelf.add_folder("Housing")
    mail = await shelf.put(HELLO)
    context, page, faults = await shelf.site.open(browser, java_script_enabled=False)
    await page.goto(mail)
    await page.click(".sm-pop >> nth=0")
    await page.click(".sm-pop__menu >> text=Housing")
    assert "moved to" in await page.inner_text("[role=status]")
    await page.goto(mail)
    await page.click(".sm-pop >> nth=1")
    await page.click(".sm-pop__menu >> text=Mark as unread")
    assert "/folders/" in page.url
    await context.close()
    context, page, more = await shelf.site.open(browser)
    await page.goto(mail)
    await page.click(".sm-pop >> nth=0")
    await page.click(".sm-pop >> nth=1")
    assert await page.locator(".sm-pop[open]").count() == 1
    await page.keyboard.press("Escape")
    assert await page.locator(".sm-pop[open]").count() == 0
    assert await page.evaluate("document.activeElement.closest('.sm-pop') !== null")
    await page.click(".sm-pop >> nth=0")
    await page.click("h1")
    assert await page.locator(".sm-pop[open]").count() == 0
    assert faults == more == []
    await context.close()


async def test_a_picture_is_seen_in_its_page(shelf: Shelf, browser: Browser) -> None:
    mail = await shelf.put(with_files(("a.png", "image/png", png(9, 7))))
    context, page, faults = await shelf.site.open(browser, java_script_enabled=False)
    await page.goto(mail)
    await page.click("text=Preview")
    await page.wait_for_load_state()
    assert await page.evaluate("document.querySelector('.sm-look img').naturalWidth") == 9
    assert faults == []
    await context.close()


async def test_mail_of_outlook_is_not_spaced_twice(shelf: Shelf, browser: Browser) -> None:
    sheet = "<!-- p.MsoNormal, li.MsoNormal {mso-style-unhide:no; margin:0in; font-size:11.0pt} -->"
    mail = await shelf.put(with_files(html=f"<style>{sheet}</style><p class=MsoNormal>a</p><p class=MsoNormal>b</p>"))
    sample = await shelf.put((MAIL / "outlook-related-in-alternative.eml").read_bytes())
    context, page, _ = await shelf.site.open(browser)
    await page.goto(f"{mail}/body")
    gaps = "[...document.querySelectorAll('.sm-mail p')].map((one) => getComputedStyle(one).marginBottom)"
    assert await page.evaluate(gaps) == ["0px", "0px"]
    await page.goto(f"{sample}/body")
    assert set(await page.evaluate(gaps)) <= {"0px", "16px"}
    assert await page.evaluate("[...document.images].every((one) => one.naturalWidth > 0)")
    await context.close()


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
async def test_axe_finds_nothing_in_any_state(shelf: Shelf, browser: Browser, scheme: Any, language: str) -> None:
    await shelf.add_folder("Housing " * 7)
    files = [("Proof.pdf", "application/pdf", b"%PDF"), ("a.png", "image/png", png(900, 7)), ("b.exe", "x/y", b"MZ")]
    mail = await shelf.put(with_files(*files, html=HTML))
    answer = HELLO.replace(b"<one@ct.gov>", b"<two@ct.gov>\r\nReferences: <files@ct.gov>")
    last = await shelf.put(answer, life=timedelta(hours=20))
    many = with_files(*((f"{'long-name' * 9}-{n}.pdf", "application/pdf", b"x") for n in range(22)))
    crowd = b"To: " + b",\r\n ".join(b"P%d <p%d@%s.example>" % (n, n, b"x" * 60) for n in range(30))
    big = await shelf.put(many.replace(b"To: Bob <bob@example.com>, dave@ct.gov", crowd), life=timedelta(days=2))
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    context, page, faults = await shelf.site.open(browser, color_scheme=scheme)

    async def check(state: str) -> None:
        for width in (1280, 768, 320):
            await page.set_viewport_size({"width": width, "height": 800})
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, (state, width)
            if width > 320 and await page.locator(".sm-acts--top").count():
                assert await page.evaluate(ROWS) == 1, (state, width)
            if width == 768:
                continue
            await page.evaluate(axe)
            found = await page.evaluate(RUN)
            assert found[0] > 15
            assert found[1:] == [], (state, width)

    pages = [mail, last, big, f"{mail}/details", f"{big}/details", f"{mail}/file/3/preview", f"{mail}/file/2/preview"]
    for path in (*pages, *(f"{mail}/link/{number}" for number in (1, 2, 4))):
        await page.goto(f"{path}?lang={language}")
        await check(path.removeprefix(shelf.site.url))
        await unfold(page)
    assert faults == []
    for path in (mail, big):
        await page.goto(f"{path}?lang={language}")
        await unfold(page)
        await check("unfolded")
    await context.close()


async def unfold(page: Page) -> None:
    """Open what is folded, one menu at a time."""
    for which in (".sm-from details", ".sm-files details", ".sm-thread", ".sm-pop"):
        for number in range(await page.locator(which).count()):
            await page.locator(which).nth(number).evaluate("(one) => { one.open = true }")


@pytest.mark.parametrize("width", [768, 800, 1024, 1100, 1280, 1920])
async def test_the_bar_stays_one_line(shelf: Shelf, browser: Browser, width: int) -> None:
    mail = await shelf.put(with_files())
    context, page, _ = await shelf.site.open(browser, viewport={"width": width, "height": 800})
    for language in ("en", "es"):
        await page.goto(f"{mail}?lang={language}")
        assert await page.evaluate(ROWS) == 1
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0
    assert re.search(r"lang=es", page.url)
    await context.close()
