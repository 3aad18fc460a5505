"""Refusals: what happened, why, what to do now, in both languages, and the way to help."""

from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from quart import Quart, abort

from service.accounts.rates import TooMany
from service.errors import Broken, TooBig, TryAgain
from tests.portal.conftest import ORIGIN, Browser, GiveNotice, Register

NOTHING = "/m/00000000000000000000000000000000"


@pytest.mark.parametrize(
    ("fault", "status", "english", "spanish"),
    [
        (TooBig(1), 413, "A message can hold 35 MB with all files. Nothing was sent", "Un mensaje admite 35 MB"),
        (TooMany(29.2), 429, "Wait 30 seconds, then try again.", "Espere 30 segundos y vuelva a intentar."),
        (TryAgain(), 503, "Many people are here at once.", "Hay muchas personas a la vez."),
        (Broken(), 500, "Your message and draft are safe.", "Su mensaje y su borrador están a salvo."),
        (RuntimeError("secret words"), 500, "Try again in a minute. Reference ", "Intente de nuevo en un minuto."),
    ],
)
async def test_a_refusal_says_what_to_do_now(
    app: Quart, browser: Browser, fault: Exception, status: int, english: str, spanish: str
) -> None:
    @app.get("/fault")
    async def raise_it() -> str:
        raise fault

    for language, words in (("en", english), ("es", spanish)):
        page = await browser.get(f"/fault?lang={language}")
        assert page.status == status
        assert words in page.text
        assert 'href="/help"' in page.text
        assert "www.ct.gov" in page.text
        assert "mailto:Best.Helpdesk@ct.gov?" in page.text
        assert "secret words" not in page.text
        assert (page.headers.get("Retry-After") is not None) == (status in {429, 503})


async def test_a_failure_puts_its_reference_into_the_mail_to_the_help_desk(app: Quart, browser: Browser) -> None:
    @app.get("/fault")
    async def raise_it() -> str:
        raise Broken

    page = await browser.get("/fault")
    reference = page.text.partition("Reference ")[2][:8]
    link = next(piece.partition('"')[0] for piece in page.text.split('href="') if "body=" in piece)
    assert reference in parse_qs(urlsplit(unescape(link)).query)["body"][0]


async def test_an_unnamed_too_many_is_worded_too(app: Quart, browser: Browser) -> None:
    @app.get("/fault")
    async def refuse() -> str:
        abort(429)

    page = await browser.get("/fault")
    assert page.status == 429
    assert "Wait a minute, then try again." in page.text


async def test_the_404_is_the_same_bytes_for_whatever_is_not_there(browser: Browser, a_notice: GiveNotice) -> None:
    notice = await a_notice()
    pages = {
        (await browser.get(path)).body
        for path in ("/nothing", "/d/never-was", "/help/nothing", "/static/nothing.css", f"{notice.message}/x/y")
    }
    assert len(pages) == 1


async def test_another_name_of_this_host_is_told_the_right_address(browser: Browser) -> None:
    for language, words in (("en", "This is not the address"), ("es", "Esta no es la dirección de este sitio")):
        browser.language = language
        page = await browser.get("/sign-in", Host="safemai1.example.gov")
        assert page.status == 400
        assert words in page.text
        assert ORIGIN in page.text
        assert "safemai1" not in page.text


async def test_a_form_open_too_long_is_kept_and_can_be_pressed_again(registered: Register) -> None:
    person = await registered()
    browser = person.browser
    await browser.get("/folders")
    stale = await browser.post("/folders", csrf="0" * 64, name='Café "12"')
    assert stale.status == 400
    assert "We kept what you typed." in stale.text
    assert 'name="name" value="Café &#34;12&#34;"' in stale.text
    await browser.follow(await browser.post("/folders", name='Café "12"'))
    assert "Café" in (await browser.get("/folders")).text


async def test_a_secret_is_never_kept_in_a_page(browser: Browser, app: Quart) -> None:
    @app.post("/form")
    async def form() -> str:
        return ""

    await browser.get("/sign-in")
    for field in ("password", "new_password", "confirm", "current", "code", "hint"):
        page = await browser.post("/form", csrf="0" * 64, other="x", **{field: "secret words"})
        assert page.status == 400
        assert "secret words" not in page.text
        assert "Go back, and press the button again." in page.text


async def test_another_site_is_refused_before_anything_is_kept(browser: Browser) -> None:
    await browser.get("/help/real")
    page = await browser.send("/help/real", {"Sec-Fetch-Site": "cross-site"}, csrf=browser.csrf, reference="evil words")
    assert page.status == 403
    assert "evil words" not in page.text
    assert "csrf" not in page.text


async def test_signed_out_nothing_is_kept_that_needs_a_reader(browser: Browser) -> None:
    await browser.get("/sign-in")
    page = await browser.post("/folders", csrf="0" * 64, name="Housing")
    assert "Housing" not in page.text
    assert NOTHING not in page.text
