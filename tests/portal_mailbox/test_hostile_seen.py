"""Hostile mail in a real browser: in the page of the product, and with every net but the sanitizer taken away."""

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from html import escape
from itertools import product
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, Request, Route

from service.blobs import Blobs
from service.core.sheet import Person
from service.db.engine import Database
from service.errors import Refused
from service.mailbox.html import clean_html
from service.mailbox.links import Kind, Links, read_target
from service.mailbox.plain import plain_to_html
from service.mailbox.shown import Shown
from service.portal.mailbox.frame import frame_document
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, a_sealed_mail
from tests.mailbox.hostile import ALL
from tests.mailbox.hostile_names import FILE_NAMES, TEXTS
from tests.portal_mailbox.conftest import Site

BATCH = 80
EVENTS = ("mouseover", "mouseenter", "click", "focus", "load", "error", "toggle", "animationstart", "pointerover")
STIR = f"""(() => {{ const kinds = {json.dumps(EVENTS)};
  for (const one of document.querySelectorAll("main *")) for (const kind of kinds)
    if (kind !== "click" || !one.closest("a")) one.dispatchEvent(new Event(kind));
  return [window.hit ?? 0, document.querySelectorAll("script, iframe, form, object, embed, link, base").length] }})()"""
WHOLE = """(() => {
  const covered = (one) => { one.scrollIntoView({block: "center"}); const box = one.getBoundingClientRect();
    return !one.contains(document.elementFromPoint(box.x + Math.min(9, box.width / 2), box.y + box.height / 2)) };
  const posts = [...document.forms].filter((one) => one.method === "post");
  const ours = [...document.querySelectorAll("h1, .sm-acts--top > a, .sm-acts--end > a, .sm-brand")];
  return {hit: window.hit ?? 0, main: document.getElementById("main").tagName, title: document.title.length > 0,
    frames: document.querySelectorAll("iframe").length, scripts: [...document.scripts].every((one) => one.src),
    proofs: posts.every((one) => one.elements.namedItem("csrf").value.length > 20),
    covered: ours.filter(covered).length,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth} })()"""
UNHARMED = {
    "hit": 0,
    "main": "MAIN",
    "title": True,
    "frames": 1,
    "scripts": True,
    "proofs": True,
    "covered": 0,
    "wide": 0,
}
HEAD = """(() => { const head = document.querySelector("header.sm-head");
  const box = head.querySelector("h1").getBoundingClientRect();
  const seen = document.elementFromPoint(box.x + 5, box.y + 5);
  return head.contains(seen) && getComputedStyle(head).display !== "none" })()"""


def batches(items: Sequence[str], size: int = BATCH) -> Iterator[Sequence[str]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


def cleaned(payload: str) -> Shown:
    try:
        got = clean_html(payload)
    except Refused:
        return Shown(plain_to_html(payload))
    return Shown(got.html, got.style)


def hostile_mail(pages: Sequence[str], names: Sequence[str], subject: str) -> bytes:
    """Write a mail with many pages in a row, as mails of Apple's and lists' are, and files of these names."""
    pieces = [
        b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(page.encode("utf-8", "replace")).replace(b"\n", b"\r\n")
        for page in pages
    ]
    pieces += [
        f"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename*=utf-8''{quote(name)}"
        f"\r\n\r\n{number}\r\n".encode()
        for number, name in enumerate(names)
    ]
    word = base64.b64encode(subject.encode()).decode()
    head = (
        f"From: alice@ct.gov\r\nTo: bob@example.com\r\nSubject: =?utf-8?b?{word}?=\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n'
    )
    return head.encode() + b"".join(b"--=_b\r\n" + piece for piece in pieces) + b"--=_b--\r\n"


async def watch(page: Page, own: str = "") -> list[str]:
    """Let nothing out but to our own site; return what else was asked for."""
    foreign: list[str] = []

    async def gate(route: Route, request: Request) -> None:
        if own and request.url.startswith(f"{own}/"):
            await route.continue_()
        else:
            foreign.append(request.url)
            await route.abort()

    await page.route("**/*", gate)
    return foreign


async def test_the_sanitizer_alone_lets_nothing_run_and_nothing_load(browser: Browser) -> None:
    page = await browser.new_page()
    foreign = await watch(page)
    for batch in batches(ALL):
        shown = [cleaned(payload) for payload in batch]
        both = Shown("<hr>".join(one.html for one in shown), "\n".join(one.style for one in shown))
        await page.set_content(frame_document(both, title="t", language="en"), wait_until="load")
        assert await page.evaluate(STIR) == [0, 0], batch
        assert foreign == [], batch


async def test_what_is_not_cleaned_does_run_and_does_load(browser: Browser) -> None:
    """The nets that are tested are there to be fallen into."""
    page = await browser.new_page()
    foreign = await watch(page)
    ran = 0
    for batch in batches([payload for payload in ALL if len(payload) < 2000][::3], 160):
        frames = "".join(f'<iframe srcdoc="{escape(payload)}"></iframe>' for payload in batch)
        await page.set_content(frames, wait_until="load")
        ran += await page.evaluate(
            "[...document.querySelectorAll('iframe')].filter((one) => {"
            " try { return one.contentWindow.hit } catch { return false } }).length"
        )
    assert ran > 50
    assert sum("hit.example" in url for url in foreign) > 20


@pytest.mark.parametrize("part", range(4))
async def test_in_the_page_of_the_product_nothing_gets_out_of_its_frame(
    site: Site, browser: Browser, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock, part: int
) -> None:
    context, page, faults = await site.open(browser)
    foreign = await watch(page, site.url)
    for number, batch in enumerate(list(batches(ALL))[part::4]):
        text = TEXTS[(4 * number + part) % len(TEXTS)]
        names = FILE_NAMES[(4 * number + part) * 9 :][:9]
        mail = await a_sealed_mail(
            db, rings, blobs, hostile_mail(batch, names, text), now=clock.now, sender=Person(text, "alice@ct.gov")
        )
        address = f"{site.url}/m/{mail.deliveries[BOB].hex}"
        await page.goto(address, wait_until="load")
        assert await page.evaluate(WHOLE) == UNHARMED, batch
        frame = page.frames[1]
        assert frame.url == f"{address}/body"
        assert frame.child_frames == []
        assert await frame.locator("hr.sm-next").count() == len(batch) - 1  # all of them are there
        await page.goto(f"{address}/print", wait_until="load")
        assert await page.evaluate(HEAD), batch
        assert await page.evaluate("window.hit === undefined"), batch
        assert page.url == f"{address}/print"
    assert foreign == []
    assert len(context.pages) == 1
    assert faults == []
    await context.close()


async def test_a_link_leads_where_a_browser_would_have_gone(browser: Browser) -> None:
    """Ours and the browser's reading of an address agree, or ours is none."""
    links = Links(str)
    for payload in ALL:
        with suppress(Refused):
            clean_html(payload, links=links)
    starts = ("https:", "HTTP:/", "https://", "http:\\\\", " https:///", "h\ttt\nps://", "https:\\/\\")
    users = ("", "ct.gov@", "a:b@", "ct.gov%2f@", "ct.gov\\@", "a@b@", "[::1]@", "ct.gov#@", "ct.gov?@", "\u200b@")
    hosts = (
        *("hit.example", "HIT.example.", "h%69t.example", "%68it.example", "\uff48it.example", "hit\u3002example"),
        *("xn--pple-43d.com", "\u0430pple.com", "ß.de", "ﬀ.com", "İ.com", "☃.net", "\u2100.com", "-a.de", "a..b"),
        *("127.1", "0x7f.0.0.1", "[::1]", "[0::0:1]:8", "hit.example:443", "hit.example:", "hit_.example", "a b"),
        *("hit.example%00", "hit.example%2fx", "hit.example<", "hit\u00ad.example", "h\u0131t.example"),
        *("\u202ehit.com", "hit.example\u2044x"),
    )
    ends = ("", "/", "/../x?a=\\b#c", "?q=@x.example", "\\@x.example", "#@x.example")
    made = ["".join(one) for one in product(starts, users, hosts, ends)]
    urls = [url for url in dict.fromkeys([*links.urls, *made]) if read_target(url).kind is Kind.WEB]
    targets = [read_target(url) for url in urls]
    page = await browser.new_page()
    seen = await page.evaluate(
        "pairs => pairs.map(pair => pair.map(one => { try { return new URL(one).hostname } catch { return null } }))",
        [[url, target.url] for url, target in zip(urls, targets, strict=True)],
    )
    assert len(urls) > 2000
    for url, target, (theirs, followed) in zip(urls, targets, seen, strict=True):
        assert theirs == followed, url
        assert target.is_number or theirs == target.host, url
