"""What a browser may send us: a gate in front of the app, and a reader for forms that carry files.

Quart reads a socket as fast as it comes, bounds only what declares its length, and writes files in clear to a
temporary file. So the gate counts every body, and the bodies of upload pages never reach Quart: the page pulls them
from the server itself, piece by piece, and seals as it reads.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from service.core.limits import MEBIBYTE
from service.errors import Refused, TooBig
from service.portal.headers import ALWAYS, UNLESS_SET

FORM_BYTES = 65_536
"""A form without files."""
UPLOAD_TIMES = 4
"""So many times a message's limit is read and dropped, only to say by how much it was too big."""
CHUNK_SECONDS = 60.0
UPLOAD_SECONDS = 3600.0
DROP_SECONDS = 300.0
"""The rest of an upload that is refused early, such as one whose session ended meanwhile, is read for so long."""
HTTP_VERSIONS = {"1.0", "1.1"}
"""What the proxy speaks to us: a connection that a stranger turned into HTTP/2 goes round what it checks and adds."""
PARTS_MOST = 200
"""100 files, and the fields around them."""
FIELD_NAME_CHARACTERS = 64
UPLOAD_PATH = re.compile(r"/(?:compose|m/[0-9a-f]{32}/(?:reply|reply-all|forward)|drafts/[0-9a-f]{32}(?:/files)?)")
_EXTENSION = "safemail.body"
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}")

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]


class ClientGone(Refused):
    """The browser went away, or sent nothing for too long, before its form was complete."""


class BadForm(Refused):
    """This is not a form that we sent out."""


class Gate:
    """An ASGI middleware: `app.asgi_app = Gate(app.asgi_app, settings.message_bytes)`."""

    def __init__(self, app: App, message_bytes: int, form_bytes: int = FORM_BYTES) -> None:
        self._app = app
        self._form_bytes = form_bytes
        self._upload_bytes = UPLOAD_TIMES * message_bytes + MEBIBYTE
        self._drop_bytes = message_bytes + MEBIBYTE

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await _answer(send, 404, b"", kind="websocket.http.response")
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["http_version"] not in HTTP_VERSIONS:
            await _answer(send, 505, b"")
        elif scope["method"] == "POST" and UPLOAD_PATH.fullmatch(scope["path"]):
            await self._stream(scope, receive, send)
        else:
            await self._bound(scope, receive, send)

    async def _stream(self, scope: Any, receive: Receive, send: Send) -> None:
        body = Body(receive, self._upload_bytes)
        began = False

        async def receive_() -> Message:
            nonlocal began
            if not began:
                began = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await body.ended.wait()
            return {"type": "http.disconnect"} if body.is_gone else await receive()

        async def send_(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not is_last or body.ended.is_set():
                await send(message)
                return
            await send({**message, "more_body": True})
            await body.drop_rest(self._drop_bytes)
            if not body.is_gone:
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        extensions = {**(scope.get("extensions") or {}), _EXTENSION: body}
        await self._app({**scope, "extensions": extensions}, receive_, send_)

    async def _bound(self, scope: Any, receive: Receive, send: Send) -> None:
        total = 0
        answered = ""

        async def receive_() -> Message:
            nonlocal total, answered
            message: Message = await receive()
            total += len(message.get("body", b""))
            if total <= self._form_bytes:
                return message
            if not answered:
                answered = "gate"
                await _refuse(send)
            return {"type": "http.disconnect"}

        async def send_(message: Message) -> None:
            nonlocal answered
            if answered != "gate":
                answered = "app"
                await send(message)

        try:
            await self._app(scope, receive_, send_)
        except asyncio.CancelledError:
            if answered != "gate":
                raise


class Body:
    """The body of an upload, pulled by the page: what it does not ask for stays with the server and the network."""

    def __init__(self, receive: Receive, limit: int, chunk_seconds: float = CHUNK_SECONDS) -> None:
        self._receive, self._limit, self._chunk_seconds = receive, limit, chunk_seconds
        self.ended = asyncio.Event()
        self.is_gone = False
        self._is_given_up = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give out the pieces.

        Raises:
            ClientGone: it does not come to its end.
            TooBig: far over every limit; not even the rest is read.
        """
        total = 0
        last = asyncio.get_running_loop().time() + UPLOAD_SECONDS
        while not self.ended.is_set():
            piece = await self._next(last)
            total += len(piece)
            if total > self._limit:
                self._is_given_up = True
                raise TooBig(total - self._limit)
            if piece:
                yield piece

    async def drop_rest(self, longest: int) -> None:
        """Read what the page left, up to a bound, and drop it.

        Where the connection is closed on a browser that is still sending, the answer is lost on its way.
        """
        last = asyncio.get_running_loop().time() + DROP_SECONDS
        with suppress(ClientGone):
            while longest > 0 and not self.ended.is_set() and not self._is_given_up:
                longest -= len(await self._next(last))

    async def _next(self, last: float) -> bytes:
        try:
            async with asyncio.timeout_at(min(last, asyncio.get_running_loop().time() + self._chunk_seconds)):
                message = await self._receive()
        except TimeoutError as exc:
            self._is_given_up = True
            raise ClientGone from exc
        if message["type"] != "http.request":
            self.is_gone = True
            self.ended.set()
            raise ClientGone
        if not message.get("more_body", False):
            self.ended.set()
        return bytes(message.get("body", b""))


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field of a form, as it streams in."""

    name: str
    file_name: str | None
    """None for a field that is not a file; a browser sends '' where no file was chosen."""
    type: str
    """What the browser takes the file for; a label, not a permit."""
    pieces: AsyncIterator[bytes]

    async def text(self, longest: int) -> str:
        """Read a field whole. Raises TooBig."""
        held = bytearray()
        async for piece in self.pieces:
            held += piece
            if len(held) > longest:
                raise TooBig(len(held) - longest)
        return held.decode("utf-8", "replace")


def body_of(scope: Any) -> Body:
    """Find the body that the gate kept for an upload page. Raises BadForm where no gate stands in front."""
    body = (scope.get("extensions") or {}).get(_EXTENSION)
    if not isinstance(body, Body):
        raise BadForm
    return body


async def read_form(body: AsyncIterator[bytes] | Body, content_type: str) -> AsyncIterator[FormPart]:
    """Read the fields in the order in which they come. What the caller leaves of a part is dropped.

    Raises:
        BadForm: it is no form, or one with too many fields.
        ClientGone, TooBig: see `Body`.
    """
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise BadForm
    try:
        parser = PushMultipartParser(options["boundary"], max_segment_count=PARTS_MOST)
    except MultipartError as exc:
        raise BadForm from exc
    events = _events(body, parser)
    async for event in events:
        if isinstance(event, MultipartSegment):
            name, type_ = (event.name or "")[:FIELD_NAME_CHARACTERS], (event.content_type or "").lower()
            pieces = _pieces(events)
            yield FormPart(
                name, event.filename, type_ if _TYPE.fullmatch(type_) else "application/octet-stream", pieces
            )
            async for _ in pieces:
                pass


async def _events(body: AsyncIterator[bytes] | Body, parser: PushMultipartParser) -> AsyncIterator[Any]:
    try:
        async for piece in body:
            for event in parser.parse(piece):
                yield event
        parser.close()
    except MultipartError as exc:
        raise BadForm from exc


async def _pieces(events: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    async for event in events:
        if event is None:
            return
        yield bytes(event)


async def _refuse(send: Send) -> None:
    await _answer(send, 413, b"This is too big. Go back and try again with less.\n", {"Connection": "close"})


async def _answer(
    send: Send, status: int, text: bytes, more: Mapping[str, str] | None = None, kind: str = "http.response"
) -> None:
    """Answer in front of the app, with the headers that it puts on everything."""
    said = ALWAYS | UNLESS_SET | {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(text))}
    headers = [(name.lower().encode(), value.encode()) for name, value in (said | dict(more or {})).items()]
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": text, "more_body": False})
