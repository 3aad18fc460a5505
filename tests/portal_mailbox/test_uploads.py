"""The gate and the form reader, behind the real server: bounds, back-pressure, and connections that break."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, Response, request

from service.blobs import Blobs
from service.db.engine import Database
from service.errors import TooBig
from service.portal.uploads import BadForm, Body, ClientGone, Gate, body_of, read_form
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import a_sealed_mail, with_files
from tests.portal_mailbox.conftest import HOST, Signed, multipart

PATH = f"/drafts/{'0' * 32}"
LIMIT = 100_000


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """Serve an app on a free port of the loopback."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = None
    config.graceful_timeout = 1
    stop = asyncio.Event()
    task = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        await writer.wait_closed()
        break
    try:
        yield port
    finally:
        stop.set()
        await task


def small_app() -> Quart:
    app = Quart(__name__)

    @app.post("/drafts/<name>")
    async def upload(name: str) -> tuple[str, int]:
        del name
        if request.args.get("early"):
            return "no", 403
        total = 0
        try:
            async for piece in body_of(request.scope):
                total += len(piece)
                if request.args.get("slow"):
                    await asyncio.sleep(0.5)
                    app.config["seen"] = total
        except TooBig:
            return "too big", 413
        except ClientGone:
            app.config["gone"] = True
            raise
        return str(total), 200

    @app.post("/form")
    async def form() -> str:
        return str(len(await request.get_data()))

    app.config["MAX_CONTENT_LENGTH"] = None
    app.asgi_app = Gate(app.asgi_app, LIMIT)  # type: ignore[method-assign]
    return app


async def chunks(count: int, size: int = 65_536) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def status_of(port: int, path: str, content: Any) -> int:
    """Post and return the status; a connection that is cut while we still send counts as 413."""
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.post(f"http://127.0.0.1:{port}{path}", content=content)).status_code
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            return 413


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("size", "status"), [(65_536, 200), (65_537, 413), (5_000_000, 413)])
async def test_a_form_is_bounded_whether_or_not_it_says_its_length(size: int, status: int, *, declared: bool) -> None:
    async with served(small_app()) as port:
        assert await status_of(port, "/form", b"x" * size if declared else chunks(1, size)) == status


@pytest.mark.parametrize(("count", "status"), [(4, 200), (21, 200), (23, 413), (300, 413)])
async def test_an_upload_is_bounded_too(count: int, status: int) -> None:
    async with served(small_app()) as port:
        assert await status_of(port, PATH, chunks(count)) == status


async def test_an_early_answer_reaches_a_client_that_is_still_sending() -> None:
    async with served(small_app()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {PATH}?early=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc".encode())
        await writer.drain()
        assert b" 403 " in await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        await writer.wait_closed()


async def test_a_slow_page_holds_the_sender_back() -> None:
    app = small_app()
    app.asgi_app = Gate(small_app_inner(app), 50_000_000)  # type: ignore[method-assign]
    async with served(app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        size = 40_000_000
        writer.write(f"POST {PATH}?slow=1 HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        writer.write(b"x" * size)
        await asyncio.sleep(1.2)
        # what the server took off the wire is what the page took, and a few buffers
        held = writer.transport.get_write_buffer_size()
        assert held > size // 2
        writer.transport.abort()


def small_app_inner(app: Quart) -> Any:
    gate: Any = app.asgi_app
    return gate._app


async def test_a_client_that_goes_away_ends_the_upload() -> None:
    app = small_app()
    async with served(app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc".encode())
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.close()
        await writer.wait_closed()
        for _ in range(100):
            if app.config.get("gone"):
                break
            await asyncio.sleep(0.02)
        assert app.config["gone"]


async def test_a_silent_client_is_given_up() -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    with pytest.raises(ClientGone):
        [piece async for piece in Body(never, 100, chunk_seconds=0.05)]


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
async def test_a_form_reads_the_same_however_it_is_cut(size: int) -> None:
    kind, body = multipart([("csrf", None, b"x"), ("files", "a b.pdf", os.urandom(999)), ("text", None, "é".encode())])

    async def cut() -> AsyncIterator[bytes]:
        for at in range(0, len(body), size):
            yield body[at : at + size]

    read = []
    async for part in read_form(cut(), kind):
        content = b"".join([piece async for piece in part.pieces])
        read.append((part.name, part.file_name, part.type, len(content)))
    assert read == [
        ("csrf", None, "application/octet-stream", 1),
        ("files", "a b.pdf", "application/octet-stream", 999),
        ("text", None, "application/octet-stream", 2),
    ]


async def test_what_is_left_of_a_part_is_dropped() -> None:
    kind, body = multipart([("a", None, b"x" * 5000), ("b", None, b"y")])

    async def whole() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 100):
            yield body[at : at + 100]

    names = [part.name async for part in read_form(whole(), kind)]
    assert names == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b""),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", b"no boundary at all"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"A: " + b"x" * 10_000),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 300),
    ],
)
async def test_what_is_no_form_is_refused(kind: str, body: bytes) -> None:
    async def whole() -> AsyncIterator[bytes]:
        yield body

    with pytest.raises(BadForm):
        [part.name async for part in read_form(whole(), kind)]


async def test_a_page_without_the_gate_takes_no_upload() -> None:
    with pytest.raises(BadForm):
        body_of({"extensions": {}})


async def test_a_download_that_breaks_at_the_end_breaks_the_connection(
    bob: Signed, db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock, tmp_path: Any
) -> None:
    mail = await a_sealed_mail(
        db, rings, blobs, with_files(("a.bin", "application/octet-stream", os.urandom(2_000_000))), now=clock.now
    )
    [stored] = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    content = bytearray(stored.read_bytes())
    content[-100] ^= 1
    stored.write_bytes(content)
    headers = {"Host": HOST, "Cookie": f"safemail={bob.token}"}
    path = f"/m/{mail.deliveries['bob@example.com'].hex}/message.eml"
    async with served(bob.app) as port, httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get(f"http://127.0.0.1:{port}{path}", headers=headers)


async def test_what_is_broken_from_the_start_is_a_page_that_says_so(
    bob: Signed, db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock, tmp_path: Any
) -> None:
    mail = await a_sealed_mail(db, rings, blobs, now=clock.now)
    [stored] = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    stored.unlink()
    answer: Response = await bob.get(f"/m/{mail.deliveries['bob@example.com'].hex}/message.eml")
    assert answer.status_code == 500


async def test_a_whole_upload_through_the_real_server_arrives(
    bob: Signed, db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock
) -> None:
    mail = await a_sealed_mail(db, rings, blobs, now=clock.now)
    path = f"/m/{mail.deliveries['bob@example.com'].hex}/reply"
    content = os.urandom(1_500_000)
    kind, body = multipart(
        [
            ("csrf", None, bob.csrf.encode()),
            ("to", None, b"alice@ct.gov"),
            ("text", None, b"Hello"),
            ("files", "a.bin", content),
            ("do", None, b"save"),
        ]
    )
    headers = {"Host": HOST, "Cookie": f"safemail={bob.token}", "Sec-Fetch-Site": "same-origin", "Content-Type": kind}
    async with served(bob.app) as port, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"http://127.0.0.1:{port}{path}", headers=headers, content=body)
        assert answer.status_code == 303
        page = await client.get(f"http://127.0.0.1:{port}{answer.headers['Location']}", headers=headers)
    assert "a.bin" in page.text


async def test_an_upload_that_breaks_off_leaves_nothing(
    bob: Signed, db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock, tmp_path: Path
) -> None:
    def stored() -> set[str]:
        return {path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()}

    mail = await a_sealed_mail(db, rings, blobs, now=clock.now)
    path = f"/m/{mail.deliveries['bob@example.com'].hex}/reply"
    before = stored()
    whole: tuple[str, str | None, bytes] = ("files", "a.bin", os.urandom(300_000))
    kind, body = multipart([("csrf", None, bob.csrf.encode()), whole, ("files", "b.bin", os.urandom(1_500_000))])
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: safemail={bob.token}\r\nSec-Fetch-Site: same-origin\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with served(bob.app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body[:1_200_000])
        await writer.drain()
        for _ in range(100):
            if stored() > before:
                break
            await asyncio.sleep(0.02)
        assert stored() > before  # the first file is sealed and the second on its way
        writer.close()
        await writer.wait_closed()
        for _ in range(200):
            if stored() == before:
                break
            await asyncio.sleep(0.02)
        assert stored() == before
