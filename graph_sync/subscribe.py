"""Subscribe: keep Graph telling us at once. Without it the delta rounds still find everything, only later."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from graph_sync.catch_up import places
from graph_sync.errors import GraphError, NotFound, Rejected, Unexpected
from graph_sync.mailbox import instant
from graph_sync.worker import Worker
from service.db.subscriptions import ensure_watched, list_subscriptions
from service.db.tables import Subscription
from service.errors import TryAgain

log = structlog.get_logger()
LIFE = timedelta(days=6)
"""Under 10,080 minutes: learn.microsoft.com/graph/change-notifications-overview, lifetime of Outlook messages."""
SHORT_LIFE = timedelta(minutes=4_230 - 60)
"""What older tables allow, less a margin: asked for where the longer life is refused."""
HANDSHAKE_WITHIN = timedelta(seconds=60)
RENEW_BEFORE = timedelta(hours=12)
JOB = "subscribe"


async def keep_subscribed(worker: Worker, *, check: bool = False) -> int:
    """Make, renew or replace what needs it; `check` asks Graph about each. Return how many are alive."""
    async with worker.db.reading() as session:
        rows = _wanted(worker, await list_subscriptions(session))
    if len(rows) < len(places(worker)):
        async with worker.db.writing() as session:
            await ensure_watched(session, places(worker))
    elif not check and not any(_is_due(worker, row) for row in rows):
        return len(rows)
    alive = 0
    async with worker.alone(JOB) as is_mine:
        if not is_mine:
            return 0
        async with worker.db.reading() as session:
            rows = _wanted(worker, await list_subscriptions(session))
        for row in rows:
            job = f"subscribe/{row.id.hex}"
            if not worker.may_run(job):
                continue
            try:
                await _keep(worker, row, check=check)
                worker.did_well(job)
                alive += 1
            except (GraphError, TryAgain) as exc:
                worker.rest(job, exc)
    return alive


def _wanted(worker: Worker, rows: Sequence[Subscription]) -> list[Subscription]:
    wanted = set(places(worker))
    return [row for row in rows if (row.mailbox, row.folder) in wanted]


def _is_due(worker: Worker, row: Subscription) -> bool:
    return not row.graph_id or row.expires_at is None or row.expires_at <= worker.now() + RENEW_BEFORE


async def _keep(worker: Worker, row: Subscription, *, check: bool) -> None:
    if row.graph_id and (check or _is_due(worker, row)):
        try:
            answer = await _ask(worker, row.graph_id, {})
        except NotFound:
            log.info("subscription_lost", row=row.id.hex)
        except Rejected as exc:
            log.warning("subscription_not_renewed", row=row.id.hex, code=exc.code)
        else:
            if answer.get("notificationUrl") in {None, _hook(worker, row)}:
                await _note(worker, row, row.graph_id, answer)
                return
        await _end(worker, row.graph_id)
    elif row.graph_id:
        return
    await _create(worker, row)


async def _create(worker: Worker, row: Subscription) -> None:
    """Ask for a new subscription. Graph tries the webhook out before it answers: the row must be committed first."""
    state = secrets.token_urlsafe(32)
    async with worker.db.writing() as session:
        kept = await session.get_one(Subscription, row.id)
        kept.graph_id, kept.expires_at = "", None
        kept.client_state_hash = hashlib.sha256(state.encode()).digest()
        kept.pending_until = worker.now() + HANDSHAKE_WITHIN
    hook = _hook(worker, row)
    answer = await _ask(
        worker,
        "",
        {
            "changeType": "created",
            "resource": f"users/{row.mailbox}/mailFolders('{row.folder}')/messages",
            "notificationUrl": hook,
            "lifecycleNotificationUrl": hook,
            "clientState": state,
            "latestSupportedTlsVersion": "v1_2",
        },
    )
    graph_id = str(answer.get("id") or "")
    if not graph_id:
        raise Unexpected("subscription_without_id")
    await _note(worker, row, graph_id, answer)
    log.info("subscribed", row=row.id.hex)


async def _ask(worker: Worker, graph_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Create or renew, for as long as Graph allows. Raises GraphError."""
    builder: Any = worker.graph.client.subscriptions
    method = "PATCH" if graph_id else "POST"
    if graph_id:
        builder = builder.by_subscription_id(graph_id)
    for life in (LIFE, SHORT_LIFE):
        body = wanted | {"expirationDateTime": _graph_time(datetime.now(UTC) + life)}
        try:
            return await worker.graph.request(method, builder, body=body)
        except NotFound:
            raise
        except Rejected as exc:
            # which code says "too long" is not documented: the shorter life is tried after any plain refusal
            if life is SHORT_LIFE or type(exc) is not Rejected:
                raise
    raise AssertionError


async def _note(worker: Worker, row: Subscription, graph_id: str, answer: dict[str, Any]) -> None:
    """Believe the expiry that came back, not the one asked for."""
    expires_at = instant(answer.get("expirationDateTime")) or worker.now() + timedelta(minutes=45)
    async with worker.db.writing() as session:
        kept = await session.get_one(Subscription, row.id)
        kept.graph_id, kept.expires_at, kept.pending_until = graph_id, expires_at, None
        kept.wakes += 1  # what came while nobody told us


async def _end(worker: Worker, graph_id: str) -> None:
    try:
        await worker.graph.request("DELETE", worker.graph.client.subscriptions.by_subscription_id(graph_id))
    except Rejected:
        return


def _hook(worker: Worker, row: Subscription) -> str:
    return f"{worker.settings.hook_url}/graph/notify/{row.id.hex}"


def _graph_time(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.0000000Z"
