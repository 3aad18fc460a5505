"""Who may do what: the bearer, Exchange's scope for the app, throttling and planned faults."""

import json
import time
from collections import deque
from typing import Any, Literal

import jwt
from quart import Response, g, request

from emulator.entra import verify_bearer
from emulator.exchange.mailbox import Folder, Item, Mailbox
from emulator.graph.errors import GraphError, access_denied, bad_request, item_not_found, throttled
from emulator.tenant import Tenant

Need = Literal["read", "write", "send"]
GRANTS: dict[Need, set[str]] = {
    "read": {"Mail.Read", "Mail.ReadWrite"},
    "write": {"Mail.ReadWrite"},
    "send": {"Mail.Send"},
}
WINDOW_SECONDS = 600.0
UPLOAD_WINDOW_SECONDS = 300.0
IMMUTABLE = 'idtype="immutableid"'


class Access:
    """Of one tenant; every request passes `enter` and `leave`."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self._tokens: dict[str, dict[str, Any]] = {}

    async def enter(self) -> None:
        """Check the bearer, then the faults that are planned. Raises GraphError."""
        chaos, world = self.tenant.world.chaos, self.tenant.world
        g.held = None
        g.claims = self._claims(request.headers.get("Authorization", ""))
        prefer = ",".join(request.headers.getlist("Prefer")).lower().replace(" ", "")
        g.immutable = IMMUTABLE in prefer
        g.prefer = prefer
        if world.happens(chaos.throttle):
            raise throttled(chaos.retry_after)
        if world.happens(chaos.fail):
            raise GraphError(503, "ServiceUnavailable", "The service is unavailable.", {"Retry-After": "1"})

    async def leave(self, response: Response) -> Response:
        """Let go of the mailbox; perhaps lose the answer on the way."""
        self.tenant.graph.calls.append((request.method, str(request.url_rule), response.status_code))
        held = g.get("held")
        if held is not None:
            self.tenant.graph.at_once[held] -= 1
        share = self.tenant.world.chaos.fail_after
        if request.method != "GET" and response.status_code < 400 and self.tenant.world.happens(share):
            error = GraphError(504, "GatewayTimeout", "The request timed out.")
            response = Response(json.dumps(error.body()), 504, content_type="application/json")
        return response

    def mailbox(self, user: str, need: Need) -> Mailbox:
        """Find the mailbox and check the grant. Raises GraphError."""
        mailbox = self.tenant.exchange.user(user)
        app = self.tenant.app
        granted = bool(GRANTS[need] & app.permissions)
        if mailbox is None:
            raise GraphError(404, "ErrorInvalidUser", "The requested user is invalid.") if granted else access_denied()
        in_scope = mailbox.in_app_scope and (need != "send" or mailbox.address.lower() in app.may_send_as)
        if not granted and not in_scope:
            raise access_denied()
        self._count(mailbox)
        return mailbox

    def folder(self, mailbox: Mailbox, name: str) -> Folder:
        try:
            return mailbox.folder(name)
        except KeyError as exc:
            raise item_not_found() from exc

    def item(self, mailbox: Mailbox, item_id: str, folder: str | None = None) -> Item:
        """Find an item; an immutable id is understood only where the request prefers such ids."""
        item = mailbox.item(item_id)
        if item is None or (item.immutable_id == item_id and not g.immutable):
            raise item_not_found()
        late = self.tenant.world.chaos.item_late.total_seconds()
        if late and not item.is_draft and time.monotonic() < item.born + late:
            raise item_not_found()
        if folder is not None and item.folder is not self.folder(mailbox, folder):
            raise item_not_found()
        return item

    def count_sending(self, mailbox: Mailbox) -> None:
        most = self.tenant.world.mails_per_minute
        if most is not None and not self._room(self.tenant.graph.sent, mailbox.address, most, 60.0):
            raise throttled(60, "ErrorExceededMessageLimit")

    def count_trace(self) -> None:
        most = self.tenant.world.traces_per_5_minutes
        if most is not None and not self._room(self.tenant.graph.traces, "", most, UPLOAD_WINDOW_SECONDS):
            raise throttled(60)

    def count_upload(self, mailbox: Mailbox, size: int) -> None:
        """Count what a request carries up; raises GraphError where it is too much for five minutes."""
        most = self.tenant.world.upload_bytes_per_5_minutes
        if most is None or not size:
            return
        rows, now = self.tenant.graph.uploaded.setdefault(mailbox.address, deque()), time.monotonic()
        while rows and rows[0][0] <= now - UPLOAD_WINDOW_SECONDS:
            rows.popleft()
        if sum(count for _, count in rows) + size > most:
            raise throttled(60)
        rows.append((now, size))

    def _count(self, mailbox: Mailbox) -> None:
        world, state = self.tenant.world, self.tenant.graph
        if world.requests_per_10_minutes is not None and not self._room(
            state.requests, mailbox.address, world.requests_per_10_minutes, WINDOW_SECONDS
        ):
            raise throttled(60)
        if g.held is not None:
            return
        self.count_upload(mailbox, request.content_length or 0)
        now = state.at_once.get(mailbox.address, 0)
        if world.concurrent_per_mailbox is not None and now >= world.concurrent_per_mailbox:
            raise throttled(1)
        state.at_once[mailbox.address] = now + 1
        g.held = mailbox.address

    def _room(self, counts: dict[str, deque[float]], key: str, most: int, window: float) -> bool:
        times, now = counts.setdefault(key, deque()), time.monotonic()
        while times and times[0] <= now - window:
            times.popleft()
        if len(times) >= most:
            return False
        times.append(now)
        return True

    def _claims(self, authorization: str) -> dict[str, Any]:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
        claims = self._tokens.get(token)
        now = self.tenant.clock().timestamp()
        if claims is None or claims["exp"] <= now:
            self._tokens = {one: held for one, held in self._tokens.items() if held["exp"] > now}
            try:
                claims = self._tokens[token] = verify_bearer(self.tenant, token)
            except jwt.ExpiredSignatureError as exc:
                raise GraphError(401, "InvalidAuthenticationToken", str(exc)) from exc
            except jwt.PyJWTError as exc:
                raise GraphError(401, "InvalidAuthenticationToken", "Access token validation failure.") from exc
        return claims


async def read_json() -> dict[str, Any]:
    """Read the request's JSON object. Raises GraphError."""
    given = await request.get_json(silent=True)
    if not isinstance(given, dict):
        raise bad_request("Empty or malformed payload. JSON content expected.")
    return given


def lower_first(given: dict[str, Any]) -> dict[str, Any]:
    """Actions' parameters come as `Message` or `message`."""
    return {key[:1].lower() + key[1:]: value for key, value in given.items()}
