"""The door to Graph: what its answers mean, and where our token never goes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config
from quart import Quart, Response, request

from emulator.tenant import Tenant
from graph_sync.auth import Tokens
from graph_sync.errors import (
    Forbidden,
    Gone,
    GraphError,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
    Unexpected,
)
from graph_sync.graph import Graph, meaning
from graph_sync.mailbox import Mailbox
from service.settings import SyncSettings
from tests.graph_sync.conftest import INTAKE
from tests.serving import free_port, until_open


@pytest.fixture
def database_url() -> str:
    """None is needed here."""
    return "sqlite+aiosqlite:///unused"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "ApplicationThrottled", Throttled),
        (404, "ErrorItemNotFound", NotFound),
        (410, "SyncStateNotFound", Gone),
        (400, "SyncStateNotFound", Gone),
        (403, "ErrorAccessDenied", Forbidden),
        (401, "InvalidAuthenticationToken", Unavailable),
        (503, "", Unavailable),
        (504, "", Unavailable),
        (409, "ErrorIrresolvableConflict", Unavailable),
        (400, "ErrorInvalidRecipients", Rejected),
        (413, "", Rejected),
        (302, "", Unexpected),
    ],
)
def test_an_answer_has_one_meaning(status: int, code: str, kind: type[GraphError]):
    found = meaning(status, code, {})
    assert type(found) is kind
    assert found.code == (code or f"http_{status}")


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("0", 0), ("-3", 0), ("99999", 3600), ("soon", 10), ("", 10), ("1e400", 10)]
)
def test_retry_after_is_believed_within_reason(header: str, seconds: int):
    found = meaning(429, "", {"retry-after": header})
    assert isinstance(found, Throttled)
    assert found.retry_after == timedelta(seconds=seconds)


def test_retry_after_may_be_a_date():
    found = meaning(429, "", {"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)})
    assert isinstance(found, Throttled)
    assert timedelta(seconds=25) < found.retry_after <= timedelta(seconds=30)


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com/v1.0/users",
        "http://{host}/v1.0/users",
        "https://{host}.example.com/v1.0/users",
        "https://{host}@example.com/v1.0/users",
        "https://user@{host}/v1.0/users",
        "//{host}/v1.0/users",
        "file:///etc/passwd",
        "",
    ],
)
async def test_links_lead_to_graph_or_nowhere(graph: Graph, link: str):
    with pytest.raises(Unexpected):
        graph.check_link(link.format(host=graph.host))
    with pytest.raises(Unexpected):
        await graph.request("GET", link.format(host=graph.host))
    with pytest.raises(Unexpected):
        await graph.upload(link.format(host=graph.host), b"x", 0, 1)


async def test_one_token_serves_many_requests(settings: SyncSettings, tenant: Tenant):
    tokens = Tokens(settings)
    first, second = await asyncio.gather(tokens.get(), tokens.get())
    assert first == second
    assert len(tenant.seen_assertions) == 1
    tokens.close()


async def test_a_certificate_that_entra_does_not_know_is_told_apart(settings: SyncSettings, tenant: Tenant):
    tenant.app.certificates.clear()
    tokens = Tokens(settings)
    with pytest.raises(Forbidden):
        await tokens.get()
    tokens.close()


async def test_an_authority_that_is_not_there_is_waited_for(settings: SyncSettings):
    tokens = Tokens(settings.model_copy(update={"entra_url": f"https://localhost:{free_port()}"}))
    with pytest.raises(Unavailable):
        await tokens.get()
    tokens.close()


async def test_a_graph_that_is_not_there_is_waited_for(settings: SyncSettings):
    graph = Graph(settings.model_copy(update={"graph_url": f"https://localhost:{free_port()}/v1.0"}))
    with pytest.raises(Unavailable):
        await Mailbox(graph, INTAKE).delta("inbox", "")
    await graph.close()


class Odd:
    """A Graph that answers whatever it is told to."""

    def __init__(self) -> None:
        self.answer = Response("{}", content_type="application/json")
        self.seen: list[dict[str, Any]] = []


@pytest.fixture
async def odd(tenant: Tenant) -> AsyncIterator[tuple[Odd, str]]:
    app, found, port, stop = Quart("odd"), Odd(), free_port(), asyncio.Event()

    @app.route("/<path:path>", methods=["GET", "PUT", "POST"])
    async def anything(path: str) -> Response:
        found.seen.append({"path": path, **{name.lower(): value for name, value in request.headers.items()}})
        return found.answer

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.certfile, config.keyfile = str(tenant.server.certificate), str(tenant.server.key)
    config.alpn_protocols = ["http/1.1"]
    config.errorlog = None
    task = asyncio.create_task(serve_asgi(app, config, shutdown_trigger=stop.wait, mode="asgi"))
    await until_open(port, task)
    yield found, f"https://localhost:{port}"
    stop.set()
    await task


@pytest.fixture
async def odd_graph(settings: SyncSettings, odd: tuple[Odd, str]) -> AsyncIterator[Graph]:
    graph = Graph(settings.model_copy(update={"graph_url": f"{odd[1]}/v1.0"}))
    yield graph
    await graph.close()


async def test_every_request_asks_for_immutable_ids(odd_graph: Graph, odd: tuple[Odd, str]):
    with pytest.raises(Unexpected):
        await Mailbox(odd_graph, INTAKE).delta("inbox", "")
    (seen,) = odd[0].seen
    assert seen["path"] == "v1.0/users/secure-intake@ct.gov/mailFolders/inbox/messages/delta()"
    assert 'IdType="ImmutableId"' in seen["prefer"]
    assert seen["authorization"].startswith("Bearer ")


async def test_a_redirect_is_not_followed(odd_graph: Graph, odd: tuple[Odd, str]):
    odd[0].answer = Response("", 302, {"Location": f"{odd[1]}/v1.0/elsewhere"})
    with pytest.raises(Unexpected):
        await Mailbox(odd_graph, INTAKE).item("an-id")
    assert len(odd[0].seen) == 1


async def test_an_upload_carries_no_token(odd_graph: Graph, odd: tuple[Odd, str]):
    await odd_graph.upload(f"{odd[1]}/upload", b"abc", 3, 9)
    (seen,) = odd[0].seen
    assert "authorization" not in seen
    assert seen["content-range"] == "bytes 3-5/9"


@pytest.mark.parametrize("body", ["not json", "[]", '"text"', "\x00"])
async def test_an_answer_of_another_shape_is_said_to_be_one(odd_graph: Graph, odd: tuple[Odd, str], body: str):
    odd[0].answer = Response(body, content_type="application/json")
    with pytest.raises(Unexpected):
        await Mailbox(odd_graph, INTAKE).item("an-id")


@pytest.mark.parametrize("link", ["https://example.com/v1.0/next", "http://localhost/v1.0/next", "javascript:alert(1)"])
async def test_a_next_link_to_another_place_is_refused(odd_graph: Graph, odd: tuple[Odd, str], link: str):
    odd[0].answer = Response(f'{{"value": [], "@odata.nextLink": "{link}"}}', content_type="application/json")
    with pytest.raises(Unexpected):
        await Mailbox(odd_graph, INTAKE).delta("inbox", "")


async def test_writing_requests_are_never_repeated(odd_graph: Graph, odd: tuple[Odd, str]):
    odd[0].answer = Response("", 504)
    with pytest.raises(Unavailable):
        await Mailbox(odd_graph, INTAKE).send("a-draft")
    assert len(odd[0].seen) == 1


async def test_who_is_told_to_wait_asks_nothing_meanwhile(odd_graph: Graph, odd: tuple[Odd, str]):
    odd[0].answer = Response("", 429, {"Retry-After": "30"})
    mailbox = Mailbox(odd_graph, INTAKE)
    for _ in range(3):
        with pytest.raises(Throttled) as caught:
            await mailbox.item("an-id")
    assert caught.value.retry_after > timedelta(seconds=25)
    assert len(odd[0].seen) == 1


async def test_a_server_with_another_authority_is_not_spoken_to(settings: SyncSettings, odd: tuple[Odd, str]):
    graph = Graph(settings.model_copy(update={"graph_url": f"{odd[1]}/v1.0", "ca": None}), _NoTokens(settings))
    with pytest.raises(Unavailable):
        await Mailbox(graph, INTAKE).item("an-id")
    assert odd[0].seen == []
    await graph.close()


class _NoTokens(Tokens):
    async def get(self) -> str:
        return "a token"
