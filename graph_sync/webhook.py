"""Webhook: takes Graph's notifications, raises one wake row, answers, and does nothing else.

It holds no certificate and no key; the delta query is the truth, so that all a forger could do is hurry us. What is not
ours is answered 404 and leaves no row.
"""

import hashlib
import hmac
import json
import uuid
from typing import Any

import structlog
from prometheus_client import Counter
from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException

from graph_sync.hook_rows import Notice, find, mark
from graph_sync.steps import checkpoint
from service.db.engine import Database
from service.errors import ServiceError
from service.settings import HookSettings

log = structlog.get_logger()
BODY_BYTES = 256 * 1024
NOTICES = 1000
"""In one POST: learn.microsoft.com/graph/change-notifications-delivery-webhooks sends fewer."""
TOKEN_CHARACTERS = 4096
ID_CHARACTERS = 32
TAKEN = Counter("safemail_hook_taken", "Notifications that raised a wake")
REFUSED = Counter("safemail_hook_refused", "Posts that were not Graph's for one of our subscriptions", ["why"])
NO_SNIFF = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def create_app(settings: HookSettings, db: Database) -> Quart:
    app = Quart("graph_sync.webhook", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=BODY_BYTES, BODY_TIMEOUT=10)

    @app.post("/graph/notify/<row_id>")
    async def notify(row_id: str) -> Response:
        try:
            row = await find(db, uuid.UUID(row_id)) if _is_id(row_id) else None
            if row is None:
                return _no("unknown")
            token = request.args.get("validationToken")
            if token is not None:
                # the handshake happens while our own create waits for its answer, and only then
                if not row.is_pending or len(token) > TOKEN_CHARACTERS:
                    return _no("handshake")
                return Response(token, 200, NO_SNIFF, content_type="text/plain; charset=utf-8")
            notices = _read(await request.get_data(cache=False))
            ours = [notice for notice in notices or () if _is_ours(notice, row, settings.tenant)]
            if not ours:
                return _no("shape" if notices is None else "state")
            checkpoint("notified")
            await mark(db, row.id, [str(notice.get("lifecycleEvent") or "") for notice in ours])
            checkpoint("woken")
            TAKEN.inc(len(ours))
            return Response("", 202, NO_SNIFF)
        except ServiceError:
            log.warning("wake_not_written")
            return Response("", 503, NO_SNIFF)  # Graph then tries again

    @app.get("/healthz")
    async def health() -> Response:
        return Response("ok", 200, NO_SNIFF, content_type="text/plain; charset=utf-8")

    @app.errorhandler(HTTPException)
    async def refused(exc: HTTPException) -> Response:
        status = exc.code or 500
        return Response("", status if status in {405, 413} else 404, NO_SNIFF)

    @app.errorhandler(Exception)
    async def broken(exc: Exception) -> Response:
        log.error("hook_broke", error=type(exc).__name__)
        return Response("", 503, NO_SNIFF)

    return app


def _is_id(text: str) -> bool:
    return len(text) == ID_CHARACTERS and all(char in "0123456789abcdef" for char in text)


def _no(why: str) -> Response:
    REFUSED.labels(why).inc()
    return Response("", 404, NO_SNIFF)


def _read(body: bytes | str) -> list[dict[str, Any]] | None:
    if len(body) > BODY_BYTES:
        return None
    try:
        value = json.loads(body)["value"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(value, list) or len(value) > NOTICES:
        return None
    return [one for one in value if isinstance(one, dict)]


def _is_ours(notice: dict[str, Any], row: Notice, tenant: str) -> bool:
    state = str(notice.get("clientState") or "")[:256].encode("utf-8", "replace")
    knows_state = hmac.compare_digest(hashlib.sha256(state).digest(), row.client_state_hash)
    # a notification may come before the answer to our create told us the subscription's id
    knows_id = row.is_pending or notice.get("subscriptionId") == row.graph_id
    return knows_state and knows_id and notice.get("tenantId") == tenant
