"""Blind copies by message trace: Exchange's own list of whom a mail was for.

A trace answers late, and may not name everyone at once: it is believed when it names all that To and Cc name. What it
names beyond them, outside, are blind copies. After ten minutes the sender is told that they could not be read.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from graph_sync.errors import Forbidden, GraphError
from graph_sync.pull import rules_of
from graph_sync.worker import Worker
from service.core.addresses import BadAddress, normal_form
from service.core.limits import BCC_WITHIN
from service.core.sheet import Sheet
from service.core.states import Bcc
from service.db.messages import list_waiting_for_bcc
from service.db.tables import Message
from service.errors import ServiceError
from service.intake.blind import add_blind_copies, holders
from service.letters.opened import message_sheet, staff_sender

log = structlog.get_logger()
JOB = "bcc"
MOST = 200
WITHIN = timedelta(minutes=5)
"""What the budget of requests is counted over. Half of it may go at once, the other half comes back evenly."""
FIRST_LOOK_AGAIN = timedelta(seconds=1)
CLOCKS = timedelta(minutes=5)
PAGES = 10
LEFT_FOR_BCC = 1 / 4
"""Of what may go at once: stays for blind copies that somebody waits for."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One recipient of one mail, as the trace says."""

    id: str
    sender: str
    message_id: str
    recipient: str
    status: str = ""


class Traces:
    """Questions to the message trace, within the tenant's budget."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._most = worker.settings.trace_requests / 2
        self._left, self._at = self._most, worker.now()
        self._next: dict[uuid.UUID, datetime] = {}

    @property
    def left(self) -> int:
        """How many requests may be sent now."""
        now = self._worker.now()
        self._left = min(self._most, self._left + (now - self._at) / WITHIN * self._most)
        self._at = now
        return int(self._left)

    @property
    def spare(self) -> int:
        """How many requests may be sent now by whom nobody waits for."""
        return int(self.left - self._most * LEFT_FOR_BCC)

    def due(self, waiting: Sequence[Message]) -> bool:
        """Say whether to look again for any of these: the older a message, the longer until its next look."""
        now = self._worker.now()
        old = {message.id: self._next.get(message.id, now) for message in waiting}
        self._next = old
        is_due = [message for message in waiting if old[message.id] <= now]
        for message in is_due:
            age = now + BCC_WITHIN - (message.bcc_deadline or now)
            self._next[message.id] = now + max(FIRST_LOOK_AGAIN, age / 2)
        return bool(is_due)

    async def rows(self, sender: str, since: datetime, until: datetime) -> list[TraceRow]:
        """Return what was sent in a time, by one sender or (empty) by all."""
        clauses = [f"receivedDateTime ge {_time(since)}", f"receivedDateTime le {_time(until)}"]
        if sender:
            quoted = sender.replace("'", "''")
            clauses.append(f"senderAddress eq '{quoted}'")
        builder: Any = self._worker.graph.client.admin.exchange.tracing.message_traces
        query: Mapping[str, str] | None = {"filter": " and ".join(clauses), "top": "1000"}
        found: list[TraceRow] = []
        for _ in range(PAGES):
            self._left -= 1
            answer = await self._worker.graph.request("GET", builder, query=query)
            found += [
                TraceRow(
                    id=str(row.get("id") or "").lower(),
                    sender=str(row.get("senderAddress") or "").lower(),
                    message_id=str(row.get("messageId") or ""),
                    recipient=str(row.get("recipientAddress") or ""),
                    status=str(row.get("status") or ""),
                )
                for row in answer.get("value") or ()
            ]
            if not answer.get("@odata.nextLink"):
                break
            builder, query = self._worker.graph.check_link(str(answer["@odata.nextLink"])), None
        return found


async def look_for_blind_copies(worker: Worker, traces: Traces) -> int:
    """Ask the trace about messages that wait; end the waiting of those past their deadline. Return how many ended."""
    async with worker.db.reading() as session:
        waiting = await list_waiting_for_bcc(session, MOST)
    if not waiting or not worker.may_run(JOB):
        return 0
    ended = 0
    async with worker.alone(JOB) as is_mine:
        if not is_mine:
            return 0
        rows = await _ask(worker, traces, waiting) if traces.left and traces.due(waiting) else []
        for message in waiting:
            if not rows and not _is_late(worker, message):
                continue  # opening a message of which nothing is new costs RSA each time
            try:
                ended += await _end(worker, message, rows)
            except ServiceError as exc:
                log.error("bcc_broken", message=message.id.hex, error=type(exc).__name__)  # noqa: TRY400 - no foreign text in logs
    return ended


async def _ask(worker: Worker, traces: Traces, waiting: Sequence[Message]) -> list[TraceRow]:
    since, until = min(message.received_at for message in waiting) - CLOCKS, worker.now() + CLOCKS
    sender = ""
    try:
        if len({message.sender_index for message in waiting}) == 1:
            sender = staff_sender(worker.ring, waiting[0]).address.lower()
        rows = await traces.rows(sender, since, until)
        worker.did_well(JOB)
    except Forbidden as exc:
        log.error("trace_not_permitted", code=exc.code)  # noqa: TRY400 - no foreign text in logs
    except (GraphError, ServiceError) as exc:
        worker.rest(JOB, exc)
    else:
        return rows
    return []


def recipients_of(sheet: Sheet, sender: str, rows: Sequence[TraceRow]) -> set[str]:
    """Pick the recipients of one mail: by Exchange's own id of it, else by sender and Message-ID.

    Programs use a Message-ID twice. Where the id alone would join two mails nobody is named: a blind copy that cannot
    be read is told to the sender, one that reads another's mail can never be taken back.
    """
    own = [row for row in rows if sheet.trace_id and row.id == sheet.trace_id]
    if not own:
        own = [row for row in rows if row.sender == sender.lower() and row.message_id == sheet.message_id]
        if len({row.id for row in own}) > 1:
            return set()
    return {row.recipient for row in own}


async def _end(worker: Worker, message: Message, rows: Sequence[TraceRow]) -> int:
    rules = rules_of(worker)
    sheet = message_sheet(worker.ring, message)
    named = outside(worker, recipients_of(sheet, staff_sender(worker.ring, message).address, rows))
    known = await holders(worker.db, worker.ring, message)
    if named and known <= named:
        await add_blind_copies(worker.db, worker.ring, message, sorted(named - known), Bcc.KNOWN, rules, worker.now())
        return 1
    if _is_late(worker, message):
        log.warning("bcc_unreadable", message=message.id.hex)
        await add_blind_copies(
            worker.db, worker.ring, message, sorted(named - known), Bcc.UNREADABLE, rules, worker.now()
        )
        return 1
    return 0


def _is_late(worker: Worker, message: Message) -> bool:
    return message.bcc_deadline is not None and message.bcc_deadline <= worker.now()


def outside(worker: Worker, addresses: set[str]) -> set[str]:
    inside, found = worker.settings.inside, set()
    for address in addresses:
        try:
            normal = normal_form(address)
        except BadAddress:
            continue
        if not inside.holds(normal):
            found.add(normal)
    return found


def _time(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
