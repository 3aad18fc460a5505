"""Follow a reply to each of its addressees: what its writer was told is sent, and did not arrive, they are told.

What is known comes from three sides: the outbox (Exchange did not take it), a report that comes back to the mailer, and
the message trace. A report or a trace is believed only of addresses that the reply was written to.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from graph_sync.bcc import CLOCKS, TraceRow, Traces
from graph_sync.doubt import find_sent
from graph_sync.errors import Forbidden, GraphError
from graph_sync.reports import Report
from graph_sync.worker import Worker, message_id_of
from service.core.addresses import BadAddress
from service.core.states import AccountLetter, HandedOver, Letter
from service.db.handovers import list_followed, move_handovers
from service.db.tables import Handover, Message, Outbox
from service.errors import ServiceError
from service.letters.opened import message_sheet
from service.letters.queue import queue_letter
from service.recipients import address_index

log = structlog.get_logger()
JOB = "follow"
FOLLOWED = timedelta(hours=48)
LOOKS = tuple(timedelta(seconds=30 * 4**n) for n in range(7))
"""How long after its sending a reply is looked for: 30 seconds, 2 minutes, 8 minutes … 34 hours."""
MOST = 200
WINDOWS = 5
"""Requests of one run; each tells of all replies that a mailer sent within ten minutes."""
IN_MAILBOX = {"delivered", "filteredasspam"}
"""Of a trace's `status`; a mail in Junk lies in the mailbox too."""


async def tell_returned(
    session: AsyncSession, worker: Worker, row: Outbox, handovers: Mapping[Handover, str], now: datetime
) -> None:
    """Tell the writer of each addressee whom the reply did not reach, once."""
    for handover, address in handovers.items():
        await queue_letter(
            session,
            worker.ring,
            Letter.ACCOUNT,
            f"returned/{handover.message_id.hex}/{handover.id.hex}",
            now,
            payload={"kind": AccountLetter.REPLY_RETURNED.value, "address": address},
            recipient_id=row.recipient_id,
        )


async def addressees(worker: Worker, row: Outbox) -> dict[bytes, str]:
    """Open whom an unsent reply was written to, by index; empty where its keys are gone already."""
    async with worker.db.reading() as session:
        message = await session.get(Message, row.message_id) if row.message_id else None
    try:
        sheet = message_sheet(worker.ring, message) if message else None
        people = (*sheet.to, *sheet.cc) if sheet else ()
        return {address_index(worker.ring, person.address): person.address for person in people}
    except (ServiceError, BadAddress):
        return {}


async def fail_reply(session: AsyncSession, worker: Worker, row: Outbox, names: Mapping[bytes, str]) -> None:
    """Say of a reply that ended in the outbox that it reached nobody, as far as anybody knows."""
    if row.message_id is None:
        return
    moved = await move_handovers(session, row.message_id, HandedOver.FAILED, worker.now())
    told = {one: names.get(one.address_index, "") for one in moved}
    await tell_returned(session, worker, row, told, worker.now())


async def reply_returned(worker: Worker, row: Outbox, report: Report) -> int:
    """Believe a report of a reply; return how many addressees it moved."""
    moved = 0
    for one in report.unreached:
        for address in one.addresses:
            if await _settle(worker, row, address, HandedOver.RETURNED, one.status):
                moved += 1
                break
    return moved


async def _settle(worker: Worker, row: Outbox, address: str, state: HandedOver, reason: str = "") -> bool:
    if row.message_id is None:
        return False
    try:
        index = address_index(worker.ring, address)
    except BadAddress:
        return False
    now = worker.now()
    async with worker.db.writing() as session:
        moved = await move_handovers(session, row.message_id, state, now, index=index, reason=reason)
        if state is not HandedOver.DELIVERED:
            await tell_returned(session, worker, row, dict.fromkeys(moved, address), now)
    if moved:
        log.info("reply_followed", row=row.id.hex, status=state.value)
    return bool(moved)


class Followed:
    """When each reply is looked for next; who starts anew looks once more."""

    def __init__(self) -> None:
        self._looked: dict[uuid.UUID, datetime] = {}

    def is_due(self, row: Outbox, now: datetime) -> bool:
        """Say whether a look fell due since the last one."""
        sent = row.done_at or now
        last = self._looked.get(row.id, sent)
        return any(last < sent + after <= now for after in LOOKS)

    def looked(self, rows: Mapping[uuid.UUID, Outbox], now: datetime) -> None:
        self._looked |= dict.fromkeys(rows, now)

    def keep(self, rows: Mapping[uuid.UUID, Outbox]) -> None:
        """Forget what is settled."""
        self._looked = {row_id: at for row_id, at in self._looked.items() if row_id in rows}


async def follow_replies(worker: Worker, traces: Traces, followed: Followed) -> int:
    """Ask the trace about replies whose look is due; return how many addressees moved."""
    async with worker.db.reading() as session:
        rows = await list_followed(session, worker.now() - FOLLOWED, MOST)
    replies = {row.id: row for _, row in rows}
    followed.keep(replies)
    moved = 0
    if not any(followed.is_due(row, worker.now()) for row in replies.values()) or not worker.may_run(JOB):
        return 0
    async with worker.alone(JOB) as is_mine:
        for _ in range(WINDOWS if is_mine else 0):
            due = [row for row in replies.values() if followed.is_due(row, worker.now())]
            if not due or traces.spare <= 0:
                break
            try:
                moved += await _look(worker, traces, followed, due[0], replies)
                worker.did_well(JOB)
            except (GraphError, ServiceError) as exc:
                if isinstance(exc, Forbidden):
                    log.error("trace_not_permitted", code=exc.code)  # noqa: TRY400 - no foreign text in logs
                worker.rest(JOB, exc)
                break
    return moved


async def _look(
    worker: Worker, traces: Traces, followed: Followed, first: Outbox, replies: Mapping[uuid.UUID, Outbox]
) -> int:
    """Ask for what a mailer sent about the time of one reply, and settle all replies of that time."""
    sent = first.done_at or worker.now()
    since, until = sent - CLOCKS, sent + CLOCKS
    found = await traces.rows(first.mailer.lower(), since, until)
    near = {
        row.id: row
        for row in replies.values()
        if row.mailer == first.mailer and row.done_at is not None and abs(row.done_at - sent) < CLOCKS / 2
    }
    followed.looked(near, worker.now())
    moved = 0
    for row in near.values():
        for trace in await _of_reply(worker, row, found):
            if (state := _state(trace)) is not None:
                moved += await _settle(worker, row, trace.recipient, state)
    return moved


async def _of_reply(worker: Worker, row: Outbox, found: list[TraceRow]) -> list[TraceRow]:
    """Pick a reply's rows by its Message-ID, or by the one that Exchange gave its copy in Sent Items."""
    own = message_id_of(worker, row)
    rows = [one for one in found if one.message_id == own]
    if not rows and found and row.cleaned_at is None:
        mailbox = worker.mailbox(row.mailer)
        if item_id := await find_sent(mailbox, row, own):
            given = (await mailbox.item(item_id)).internet_message_id
            rows = [one for one in found if given and one.message_id == given]
    return sorted(rows, key=lambda one: one.status.lower() not in IN_MAILBOX)  # where one copy arrived, it arrived


def _state(trace: TraceRow) -> HandedOver | None:
    status = trace.status.lower()
    if status in IN_MAILBOX:
        return HandedOver.DELIVERED
    return HandedOver.FAILED if status == "failed" else None
