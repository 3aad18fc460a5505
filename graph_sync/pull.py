"""Pull: one arrival from Exchange into a sealed message, then out of the folder where it arrived.

Every step can be repeated: what counts is the arrival's row, and the item is let go only when that row says why.
"""

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta

import structlog

from graph_sync.errors import GraphError, NotFound
from graph_sync.mailbox import Item, Mailbox
from graph_sync.steps import checkpoint
from graph_sync.worker import Worker, back_off, code_of
from service.core.states import Arrival as State
from service.db.arrivals import (
    claim_arrivals,
    extend_arrival,
    is_any_due,
    mark_moved,
    put_off,
    settle_arrival,
)
from service.db.tables import Arrival
from service.errors import ServiceError, TooBig
from service.intake.check import trace_id, why_refused
from service.intake.facts import Facts, Rules, SealedMail
from service.intake.sealing import Incoming
from service.intake.store import ClaimLost, keep, return_too_big

log = structlog.get_logger()
AT_ONCE = 3
"""Pulls at a time: of Outlook's four requests for each mailbox one stays free for the delta round."""
SEALED_FOLDER, REFUSED_FOLDER = "Sealed", "Refused"
GONE_AFTER = timedelta(minutes=2)
"""A new item may not be there yet for a while (microsoftgraph/msgraph-sdk-dotnet, discussion 3142)."""


async def pull_due(worker: Worker) -> int:
    """Work on due arrivals until none is left; return how many were worked on."""
    async with worker.db.reading() as session:
        if not await is_any_due(session, worker.now()):
            return 0
    return sum(await asyncio.gather(*(_pull_on(worker) for _ in range(AT_ONCE))))


async def _pull_on(worker: Worker) -> int:
    """Take one arrival after the other: a large mail holds up nobody but itself."""
    done = 0
    while True:
        async with worker.db.writing() as session:
            claimed = await claim_arrivals(session, worker.name, worker.now(), worker.settings.leases, 1)
        if not claimed:
            return done
        checkpoint("claimed")
        await _guarded(worker, claimed[0])
        done += 1


async def _guarded(worker: Worker, arrival: Arrival) -> None:
    """Bring one arrival forward; whatever stops it, the others go on."""
    try:
        async with worker.keeping(lambda: _extend(worker, arrival)):
            await bring(worker, arrival)
    except ClaimLost:
        log.warning("arrival_claim_lost", arrival=arrival.id.hex)
    except (GraphError, ServiceError) as exc:
        wait = back_off(arrival.tries, exc)
        log.warning("arrival_put_off", arrival=arrival.id.hex, code=code_of(exc), seconds=wait.total_seconds())
        async with worker.db.writing() as session:
            await put_off(session, arrival, worker.now() + wait, code_of(exc))


async def _extend(worker: Worker, arrival: Arrival) -> bool:
    async with worker.db.writing() as session:
        return await extend_arrival(session, arrival, worker.now() + worker.settings.leases)


async def bring(worker: Worker, arrival: Arrival) -> None:
    """Settle the arrival where it is not settled, then move its item."""
    mailbox = worker.mailbox(arrival.mailbox)
    state = arrival.state
    if state is State.SEEN:
        state = await _settle(worker, mailbox, arrival)
        log.info("arrival_settled", arrival=arrival.id.hex, status=state.value)
    elif state is not State.SEALED:  # settled by an attempt that may have died before it deleted its blob
        await _forget_earlier_attempts(worker, arrival)
    if state is State.GONE:
        return
    folder = await mailbox.ensure_folder(REFUSED_FOLDER if state is State.REFUSED else SEALED_FOLDER)
    try:
        await mailbox.move(arrival.graph_id, folder)
    except NotFound:  # moved by the attempt that died before it could say so, or by a person
        log.info("arrival_moved_before", arrival=arrival.id.hex)
    checkpoint("moved")
    async with worker.db.writing() as session:
        await mark_moved(session, arrival, worker.now())


async def _settle(worker: Worker, mailbox: Mailbox, arrival: Arrival) -> State:
    await _forget_earlier_attempts(worker, arrival)
    try:
        item = await mailbox.item(arrival.graph_id)
        return await _pull(worker, mailbox, arrival, item)
    except NotFound:
        if worker.now() - arrival.seen_at < GONE_AFTER:
            raise
        await _say(worker, arrival, State.GONE, "not_found")
        return State.GONE


async def _pull(worker: Worker, mailbox: Mailbox, arrival: Arrival, item: Item) -> State:
    rules, message_id = rules_of(worker), uuid.uuid4()
    facts = Facts(item.received_at or arrival.seen_at, item.internet_message_id, item.from_, item.to, item.cc)
    async with mailbox.source(arrival.graph_id) as pieces:
        incoming = Incoming(message_id.hex, pieces)
        header = await incoming.header()
        facts = replace(facts, trace_id=trace_id(header))
        refused = why_refused(
            header,
            facts.from_,
            [secret.get_secret_value() for secret in worker.settings.stamp_secrets],
            rules.inside,
        )
        if refused is not None:
            log.warning("arrival_refused", arrival=arrival.id.hex, code=refused.value)
            await _say(worker, arrival, State.REFUSED, refused.value)
            return State.REFUSED
        blob_key = _blob_key(arrival, arrival.tries)
        try:
            length = await worker.blobs.put(blob_key, incoming.sealed(rules.longest))
        except TooBig as exc:
            await return_too_big(
                worker.db, worker.ring, arrival, incoming.mail, facts, rules, exc.over_by, worker.now()
            )
            return State.RETURNED
    checkpoint("blob-written")
    assert incoming.mail is not None
    sealed = SealedMail(incoming.mail, incoming.content_key, incoming.sheet_key, blob_key, length)
    state = await keep(worker.db, worker.ring, arrival, message_id, sealed, facts, rules, worker.now())
    checkpoint("committed")
    if state is not State.SEALED:
        await worker.blobs.delete(blob_key)
    return state


async def _say(worker: Worker, arrival: Arrival, state: State, reason: str) -> None:
    async with worker.db.writing() as session:
        if not await settle_arrival(session, arrival, state, worker.now(), reason=reason):
            raise ClaimLost


def _blob_key(arrival: Arrival, attempt: int) -> str:
    """Name the blob of one attempt: who takes an arrival over knows what its forerunners may have left behind."""
    name = f"{arrival.id.hex}-{attempt}"
    return f"{name[:2]}/{name}"


async def _forget_earlier_attempts(worker: Worker, arrival: Arrival) -> None:
    """Delete what attempts left that died; none of them can commit any more, or is named by a row."""
    for attempt in range(max(1, arrival.tries - 20), arrival.tries):
        await worker.blobs.delete(_blob_key(arrival, attempt))


def rules_of(worker: Worker) -> Rules:
    settings = worker.settings
    return Rules(
        inside=settings.inside,
        retention=settings.retention,
        longest=settings.message_bytes,
        bcc_is_traced=settings.bcc == "trace",
        own=frozenset(address.lower() for address in (*settings.intake, *settings.mailers)),
        remind_unread=settings.remind_unread,
        remind_ending=settings.remind_ending,
    )
