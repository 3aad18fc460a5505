"""What strangers send that no browser of ours does: other protocols, odd addresses, headers given twice."""

from typing import Any

import pytest
from quart import Quart
from sqlalchemy import update

from service.accounts.rates import ASKS
from service.db.engine import Database
from service.db.tables import Account
from service.portal.headers import ALWAYS, UNLESS_SET
from service.portal.uploads import FORM_BYTES
from service.settings import PortalSettings
from tests.portal.conftest import HOST, Browser, Register


async def answer_to(app: Quart, scope: dict[str, Any], body: bytes = b"") -> list[dict[str, Any]]:
    """Call the app as the server does, without the test client, which speaks HTTP/1.1 only."""
    sent: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = [{"type": "websocket.connect"}] if scope["type"] == "websocket" else []
    waiting += [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    whole = {
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/sign-in",
        "raw_path": b"/sign-in",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", HOST.encode())],
        "client": ("192.0.2.1", 1),
        "server": None,
        "extensions": {"websocket.http.response": {}},
        "subprotocols": [],
        **scope,
    }
    await app(whole, receive, send)  # type: ignore[arg-type]
    return sent


def strict(message: dict[str, Any]) -> bool:
    held = {name.decode().lower(): value.decode() for name, value in message["headers"]}
    return all(held.get(name.lower()) == value for name, value in (ALWAYS | UNLESS_SET).items())


async def test_what_the_gate_answers_itself_carries_the_headers(app: Quart) -> None:
    start, *_ = await answer_to(app, {"type": "http", "method": "POST"}, b"a" * (FORM_BYTES + 1))
    assert start["status"] == 413
    assert strict(start)


async def test_websockets_are_not_there(app: Quart, caplog: pytest.LogCaptureFixture) -> None:
    start, *_ = await answer_to(app, {"type": "websocket", "path": "/inbox", "raw_path": b"/inbox"})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert strict(start)
    assert not caplog.records


async def test_no_connection_becomes_http_2_behind_the_proxys_back(app: Quart) -> None:
    start, *_ = await answer_to(app, {"type": "http", "http_version": "2"})
    assert start["status"] == 505
    assert strict(start)


@pytest.mark.parametrize("path", ["/help//sign-in", "/d//token", "/preferences//security"])
async def test_two_slashes_are_another_address(browser: Browser, path: str) -> None:
    assert (await browser.get(path)).status == 404


async def test_a_header_sent_along_hides_no_network_from_the_limits(app: Quart, settings: PortalSettings) -> None:
    """Some proxies add a header of their own instead of adding to the one that came."""
    behind = app.extensions["safemail"]
    object.__setattr__(behind, "settings", settings.model_copy(update={"trusted_hops": 1}))
    browser, statuses = Browser(app), set()
    await browser.get("/sign-in")
    for number in range(ASKS.times + 1):
        client = app.test_client(use_cookies=False)
        headers = [
            ("Host", HOST),
            ("Sec-Fetch-Site", "same-origin"),
            ("Cookie", "; ".join(f"{name}={value}" for name, value in browser.jar.items())),
            ("X-Forwarded-For", f"203.0.113.{number}"),
            ("X-Forwarded-For", "198.51.100.7"),
        ]
        fields = {"csrf": browser.csrf, "email": f"nobody{number}@example.com"}
        answer = await client.post("/forgot/reset", headers=headers, form=fields)
        statuses.add(answer.status_code)
    assert 429 in statuses


@pytest.mark.parametrize(
    ("column", "value"),
    [("time_zone", "America/Nowhere"), ("time_zone", "../zone"), ("preferences", "[" * 2000), ("preferences", "{}}")],
)
async def test_what_no_release_wrote_about_a_reader_shuts_nobody_out(
    registered: Register, db: Database, column: str, value: str
) -> None:
    person = await registered()
    async with db.writing() as session:
        await session.execute(update(Account).values({column: value}))
    assert (await person.browser.get("/inbox")).status == 200


@pytest.mark.parametrize("said", ["since=0001-01-01", "until=9999-12-31", "since=9999-12-31&until=0001-01-01"])
async def test_the_first_and_the_last_day_of_all_are_searched(registered: Register, db: Database, said: str) -> None:
    person = await registered()
    async with db.writing() as session:
        await session.execute(update(Account).values(time_zone="Asia/Tokyo"))
    assert (await person.browser.get(f"/search?q=papers&{said}")).status == 200
