"""What holds for every page: headers, proofs, languages, and that looking changes nothing."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from quart import Quart
from sqlalchemy import make_url
from structlog.testing import capture_logs

from service.accounts.rates import TooMany
from service.db.engine import Database
from service.errors import Broken, Refused, TooBig, TryAgain
from service.portal.app import create_app
from service.portal.doors.sign_in import network_of
from service.portal.headers import ALWAYS, OWN_PAGES
from service.settings import PortalSettings
from tests.mailbox.builders import BOB
from tests.portal.conftest import HOST, ORIGIN, Browser, GiveNotice, Register

SAMPLE = {
    "token": "A" * 43,
    "name": "none.css",
    "delivery": "0" * 32,
    "draft": "0" * 32,
    "number": "1",
    "folder": "inbox",
}


def paths(app: Quart, method: str) -> Iterator[str]:
    """Name one address of each page that takes the method."""
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or set()):
            values = {name: SAMPLE.get(name, "0" * 32) for name in rule.arguments}
            built = app.url_map.bind(HOST).build(rule.endpoint, values, method=method)
            yield built


def rows(settings: PortalSettings) -> dict[str, list[tuple[object, ...]]]:
    """Read every row of every table but the sessions' last sign of life."""
    connection = sqlite3.connect(Path(make_url(settings.database).database or ""))
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    read = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}
    read["sessions"] = sorted(connection.execute("SELECT id, token_hash, account_id FROM sessions"), key=repr)
    connection.close()
    return read


async def test_every_answer_carries_the_headers(app: Quart, registered: Register) -> None:
    person = await registered()
    walked = 0
    for browser in (person.browser, person.elsewhere()):
        for method in ("GET", "POST"):
            for path in [*paths(app, method), "/nothing"]:
                if path in {"/sign-out", "/stay"} and browser is person.browser:
                    continue
                answer = await (browser.get(path) if method == "GET" else browser.send(path, {}))
                for name, value in ALWAYS.items():
                    assert answer.headers[name] == value, path
                assert answer.headers["Cache-Control"] == "no-store", path
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path
                assert "Referrer-Policy" in answer.headers, path
                assert "Server" not in answer.headers, path
                walked += 1
    assert walked > 50


async def test_own_pages_allow_no_inline_and_no_third_party(browser: Browser) -> None:
    page = await browser.get("/sign-in")
    assert page.headers["Content-Security-Policy"] == OWN_PAGES
    for trap in ("style=", "<style", "onclick", "onload", "javascript:"):
        assert trap not in page.text


async def test_assets_are_kept_for_ever_and_nothing_else_is_served(app: Quart, browser: Browser) -> None:
    name = app.extensions["safemail.assets"].names["app.css"]
    answer = await browser.get(f"/static/{name}")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    for path in ("/static/app.css", "/static/..%2fapp.py", "/static/manifest.json"):
        assert (await browser.get(path)).status == 404


async def test_every_post_is_refused_without_its_proof(
    app: Quart, registered: Register, settings: PortalSettings
) -> None:
    person = await registered()
    before = rows(settings)
    tried = 0
    for path in paths(app, "POST"):
        for headers in (
            {},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "same-origin"},
            {"Origin": ORIGIN},
        ):
            answer = await person.browser.send(path, headers, csrf="0" * 64, email=BOB, password="x", code="1")
            assert answer.status in {303, 400, 403, 404}, (path, headers, answer.status)
            if "same-origin" not in headers.values() and ORIGIN not in headers.values():
                assert answer.status == 403, (path, headers)
            tried += 1
    assert tried > 40
    assert rows(settings) == before


async def test_proof_of_another_browser_is_worth_nothing(registered: Register) -> None:
    person = await registered()
    other = person.elsewhere()
    await other.get("/sign-in")
    await person.browser.get("/inbox")
    answer = await person.browser.post("/sign-out", csrf=other.csrf)
    assert answer.status == 400
    assert "This page was open too long." in answer.text
    assert (await person.browser.get("/inbox")).status == 200


async def test_origin_is_enough_where_a_browser_sends_no_fetch_metadata(browser: Browser) -> None:
    await browser.get("/sign-in")
    answer = await browser.send("/sign-in", {"Origin": ORIGIN}, csrf=browser.csrf, email="a@b.example", password="x")
    assert answer.status == 401


async def test_looking_changes_nothing(
    app: Quart, registered: Register, a_notice: GiveNotice, settings: PortalSettings
) -> None:
    person = await registered()
    notice = await a_notice("dora@example.org")
    before = rows(settings)
    for browser in (person.elsewhere(), person.browser):
        for path in [*paths(app, "GET"), notice.link, "/waiting", "/sign-in?lang=es", "/register", "/inbox"]:
            await browser.get(path)
        await browser._send("HEAD", notice.link, {})
    assert rows(settings) == before


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", f"{HOST}:81", "", f"{HOST}.evil.example", f"evil@{HOST}"]
)
async def test_other_hosts_get_nothing(browser: Browser, host: str) -> None:
    answer = await browser.get("/sign-in", Host=host)
    assert answer.status == 400
    assert "password" not in answer.text.lower().replace("change password", "")


async def test_form_over_its_size_is_refused(browser: Browser) -> None:
    await browser.get("/sign-in")
    answer = await browser.post("/sign-in", email="a" * 70_000, password="x")
    assert answer.status == 413


async def test_stranger_without_a_session_is_sent_to_sign_in(browser: Browser) -> None:
    for path in ("/inbox", "/password", "/m/" + "0" * 32):
        assert (await browser.get(path)).to == "/sign-in", path
    assert (await browser.get("/")).to == "/sign-in"


async def test_cookies_are_bound_to_this_host(registered: Register) -> None:
    browser = (await registered()).elsewhere()
    answer = await browser.get("/sign-in?next=/inbox&lang=es")
    lines = answer.headers.getlist("Set-Cookie")
    assert len(lines) == 3
    for line in lines:
        assert "Secure" in line
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert "Path=/" in line
        assert "Domain" not in line
        assert line.startswith(("__Host-safemail", "lang=es"))


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ValueError("bob@example.com had a secret"), 500, "Something went wrong on our side"),
        (Broken("bob@example.com had a secret"), 500, "Something went wrong on our side"),
        (Refused("bob@example.com had a secret"), 400, "That did not work"),
        (TooBig(12), 413, "A message can hold 35 MB with all files."),
        (TryAgain("the database did not answer"), 503, "We are busy"),
        (TooMany(29.2), 429, "Wait 30 seconds"),
    ],
)
async def test_faults_show_what_to_do_and_tell_nothing(
    app: Quart, browser: Browser, error: Exception, status: int, words: str
) -> None:
    async def fall() -> str:
        raise error

    app.add_url_rule("/fall", view_func=fall)
    with capture_logs() as logged:
        answer = await browser.get("/fall")
    assert answer.status == status
    assert words in answer.text
    assert "secret" not in answer.text
    assert "secret" not in str(logged)
    assert "bob@" not in str(logged)
    if status == 500:
        assert logged[0]["reference"] in answer.text
    if status in {429, 503}:
        assert answer.headers["Retry-After"] == "30"


async def test_dead_database_is_told_as_busy(app: Quart, settings: PortalSettings) -> None:
    state = app.extensions["safemail"]
    gone = Database("sqlite+aiosqlite:////nowhere/at/all.sqlite")
    other = create_app(settings, gone, state.blobs, state.ring, state.clock)
    answer = await Browser(other, jar={"__Host-safemail": "x"}).get("/inbox")
    assert answer.status == 503
    assert answer.headers["Cache-Control"] == "no-store"
    await gone.close()


async def test_browser_without_cookies_is_told_so(browser: Browser) -> None:
    await browser.get("/sign-in")
    browser.jar.clear()
    answer = await browser.post("/sign-in", email=BOB, password="x")
    assert answer.status == 400
    assert "Cookies are off" in answer.text
    assert f'value="{BOB}"' in answer.text


@pytest.mark.parametrize(
    ("hops", "forwarded", "remote", "network"),
    [
        (0, "198.51.100.7", "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.9, 198.51.100.7", "10.0.0.1", "198.51.100.7"),
        (2, "203.0.113.9, 198.51.100.7", "10.0.0.1", "203.0.113.9"),
        (3, "203.0.113.9, 198.51.100.7", "10.0.0.1", "10.0.0.1"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "nonsense", "10.0.0.1", "unknown"),
        (1, "198.51.100.7:50123", "10.0.0.1", "198.51.100.7"),
        (1, "[2001:db8:1:2:3:4:5:6]:50123", "10.0.0.1", "2001:db8:1:2::/64"),
        (0, "", "::ffff:192.0.2.1", "192.0.2.1"),
        (0, "", "fe80::1%eth0", "fe80::/64"),
    ],
)
def test_network_is_what_the_nearest_proxy_saw(hops: int, forwarded: str, remote: str, network: str) -> None:
    assert network_of(forwarded, remote, hops) == network
