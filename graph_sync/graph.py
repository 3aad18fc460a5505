"""The only door to msgraph-sdk: its builders make our requests, its middleware sends them, nothing is retried here.

Why its models stay out: importing them costs a second and 30 MB, and deserialising ten messages 35 ms. Why requests are
sent natively: the SDK's own calls read a body whole, and a mail of 35 MB must stream.
"""

import json
import ssl
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_builder import BaseRequestBuilder
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_http.middleware.options import RedirectHandlerOption, RetryHandlerOption
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.graph_request_adapter import options as sdk_options
from msgraph_core import GraphClientFactory

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
from service.settings import SyncSettings

IMMUTABLE = 'IdType="ImmutableId"'
"""On every request: ids then survive moves (learn.microsoft.com/graph/outlook-immutable-id)."""
UPLOAD_HOSTS = frozenset({"outlook.office.com", "outlook.office365.com"})
"""Where upload sessions live besides Graph's own host: learn.microsoft.com/graph/outlook-large-attachments"""
RETRY_AFTER_UNSAID = timedelta(seconds=10)
RETRY_AFTER_LONGEST = timedelta(hours=1)
PIECE_BYTES = 65_536
JSON_LONGEST = 16 * 1_048_576
_SPENT = {"syncstatenotfound", "syncstateinvalid", "resyncrequired"}
_PASSING = {401, 408, 409, 423, 500, 502, 503, 504}
"""Faults of the moment. 401: a token that just ended; 409 and 423: Exchange is busy with the same item."""


class Graph:
    """Microsoft Graph for one app: requests by the SDK's builders, errors translated."""

    def __init__(self, settings: SyncSettings, tokens: Tokens | None = None) -> None:
        self.base_url = settings.graph_url.rstrip("/")
        self.host = urlsplit(self.base_url).netloc
        context = ssl.create_default_context(cafile=str(settings.ca)) if settings.ca else ssl.create_default_context()
        # with a CA of our own the environment is not asked for proxies; HTTP/1.1 carries large mails three times faster
        self._plain = httpx.AsyncClient(
            verify=context, trust_env=settings.ca is None, timeout=_TIMEOUT, limits=_LIMITS, follow_redirects=False
        )
        inner = httpx.AsyncClient(
            verify=context, trust_env=settings.ca is None, timeout=_TIMEOUT, limits=_LIMITS, follow_redirects=False
        )
        # the SDK wraps these, and its wrapper does not pass `aclose` on
        self._transports = [one for one in (inner._transport, *inner._mounts.values()) if one is not None]  # noqa: SLF001
        self._http = GraphClientFactory.create_with_default_middleware(
            client=inner,
            options={
                **sdk_options,
                # the SDK's retry repeats POST too: a 504 on `send` would mail twice
                RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0, should_retry=False),
                RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
            },
        )
        self._tokens = tokens or Tokens(settings)
        provider = _Bearer(self._tokens, urlsplit(self.base_url).hostname or "")
        self._adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(provider), client=self._http)
        self._adapter.base_url = self.base_url  # no slash at its end: httpx would make it `/v1.0//users`
        self.client = GraphServiceClient(request_adapter=self._adapter)
        self._adapter.base_url = self.base_url
        _import_builders(self.client)

    async def close(self) -> None:
        await self._http.aclose()
        for transport in self._transports:
            await transport.aclose()
        await self._plain.aclose()
        self._tokens.close()

    async def request(
        self,
        method: str,
        builder: BaseRequestBuilder | str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        mime: bytes | None = None,
        prefer: str = "",
    ) -> dict[str, Any]:
        """Send one request and return its JSON, empty where there is none; `mime` goes as base64 text.

        Raises:
            GraphError: what the answer means, or that there is none.
        """
        info = self._information(method, builder, query, prefer)
        if body is not None:
            info.set_stream_content(json.dumps(body).encode(), "application/json")
        elif mime is not None:
            info.set_stream_content(mime, "text/plain")
        async with self._sent(info) as answer:
            return _json(await _read(answer))

    @asynccontextmanager
    async def stream(self, builder: BaseRequestBuilder) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a body as a stream of pieces. Raises GraphError, also between the pieces."""
        info = self._information("GET", builder, None, "")
        async with self._sent(info) as answer:
            yield _pieces(answer)

    def check_link(self, link: str) -> str:
        """Return a link that Graph gave us if it leads to Graph. Raises Unexpected."""
        parts = urlsplit(link)
        if parts.scheme != "https" or parts.netloc.lower() != self.host.lower() or parts.username is not None:
            raise Unexpected("link_elsewhere")
        return link

    async def upload(self, url: str, piece: bytes, start: int, total: int) -> dict[str, Any]:
        """Put one range of an upload session; the URL is its own authorisation, so that no token goes along.

        By plain httpx: the SDK's adapter would add the bearer, and its upload task puts the last range twice.
        """
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" or (parts.netloc.lower() != self.host.lower() and host not in UPLOAD_HOSTS):
            raise Unexpected("upload_elsewhere")
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(piece)),
            "Content-Range": f"bytes {start}-{start + len(piece) - 1}/{total}",
        }
        try:
            answer = await self._plain.put(url, content=_slices(piece), headers=headers)
        except httpx.HTTPError as exc:
            raise Unavailable("upload_connection") from exc
        _check(answer, answer.content)
        return _json(answer.content) if answer.content.strip().startswith(b"{") else {}

    def _information(
        self, method: str, builder: BaseRequestBuilder | str, query: Mapping[str, str] | None, prefer: str
    ) -> RequestInformation:
        if isinstance(builder, str):
            info = RequestInformation(Method(method))
            info.url = self.check_link(builder)
        else:
            info = RequestInformation(Method(method), builder.url_template, dict(builder.path_parameters))
            info.query_parameters = {f"%24{name}": value for name, value in (query or {}).items()}
            self._adapter.set_base_url_for_request_information(info)  # else the allow-list of hosts refuses the token
        info.headers.add("Prefer", IMMUTABLE)
        if prefer:
            info.headers.add("Prefer", prefer)
        info.headers.try_add("Accept", "application/json, */*")
        return info

    @asynccontextmanager
    async def _sent(self, info: RequestInformation) -> AsyncIterator[httpx.Response]:
        request = await self._adapter.convert_to_native_async(info)
        try:
            answer = await self._http.send(request, stream=True, follow_redirects=False)
        except httpx.HTTPError as exc:
            raise Unavailable("connection") from exc
        try:
            if not answer.is_success:
                _check(answer, await _read(answer))
            yield answer
        finally:
            await answer.aclose()


class _Bearer(AccessTokenProvider):  # type: ignore[misc]  # kiota has no types
    def __init__(self, tokens: Tokens, host: str) -> None:
        self._tokens = tokens
        self._hosts = AllowedHostsValidator([host])  # an empty list would hand the token to any host

    async def get_authorization_token(
        self, uri: str, additional_authentication_context: dict[str, Any] | None = None
    ) -> str:
        del additional_authentication_context
        if not self._hosts.is_url_host_valid(uri) or not uri.startswith("https://"):
            raise Unexpected("host_not_allowed")
        return await self._tokens.get()

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        return self._hosts


def _import_builders(client: GraphServiceClient) -> None:
    """Walk the builders that we use: they import each other lazily, and each warns that it is out of date itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        user = client.users.by_user_id("user")
        message = user.messages.by_message_id("message")
        folder = user.mail_folders.by_mail_folder_id("folder")
        attachments = message.attachments
        _ = (message.content, message.move, message.send, attachments.create_upload_session, user.send_mail)
        _ = (attachments.by_attachment_id("attachment"), folder.messages.delta)
        _ = (client.subscriptions.by_subscription_id("subscription"), client.admin.exchange.tracing.message_traces)


_TIMEOUT = httpx.Timeout(60, connect=10)
_LIMITS = httpx.Limits(max_connections=40, max_keepalive_connections=20)


async def _slices(piece: bytes) -> AsyncIterator[bytes]:
    """Hand a range to TLS slice by slice: given whole it is copied several times over, 25 MB for 3 MB (measured)."""
    view = memoryview(piece)
    for at in range(0, len(piece), PIECE_BYTES):
        yield bytes(view[at : at + PIECE_BYTES])


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_bytes(PIECE_BYTES):
            yield piece
    except httpx.HTTPError as exc:
        raise Unavailable("connection_cut") from exc


async def _read(answer: httpx.Response) -> bytes:
    kept = bytearray()
    async for piece in _pieces(answer):
        kept += piece
        if len(kept) > JSON_LONGEST:
            raise Unexpected("answer_too_long")
    return bytes(kept)


def _json(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        read = json.loads(body)
    except ValueError as exc:
        raise Unexpected("answer_not_json") from exc
    if not isinstance(read, dict):
        raise Unexpected("answer_not_json")
    return read


def _check(answer: httpx.Response, body: bytes) -> None:
    """Raise what an answer means, unless it is a success."""
    if answer.is_success:
        return
    raise meaning(answer.status_code, _code(body), answer.headers)


def meaning(status: int, code: str, headers: Mapping[str, str]) -> GraphError:
    """Translate an answer into what the caller must do about it."""
    shown = code or f"http_{status}"
    if status == 429:
        return Throttled(_retry_after(headers.get("retry-after")), shown)
    if status == 410 or (400 <= status < 500 and code.lower() in _SPENT):
        return Gone(shown)
    if status == 404:
        return NotFound(shown)
    if status == 403:
        return Forbidden(shown)
    if status in _PASSING or status >= 500:
        return Unavailable(shown)
    return Rejected(shown) if 400 <= status < 500 else Unexpected(shown)


def _code(body: bytes) -> str:
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return ""
    kept = "".join(char for char in str(code) if char.isascii() and (char.isalnum() or char in "._-"))
    return kept[:64]


def _retry_after(value: str | None) -> timedelta:
    """Seconds or a date (RFC 9110 §10.2.3)."""
    if not value:
        return RETRY_AFTER_UNSAID
    try:
        wait = timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        try:
            wait = parsedate_to_datetime(value) - datetime.now(UTC)
        except (ValueError, TypeError):
            return RETRY_AFTER_UNSAID
    return min(max(wait, timedelta()), RETRY_AFTER_LONGEST)
