"""Late rows of the message trace: a mail's blind copies are read twice more after they were believed to be known.

Exchange's trace may name everyone in To and Cc before it names the rest. It is read after an hour, and before the
content key is shredded after a day; whoever is new gets the message, and the sender a receipt that says so.
"""

import structlog

from graph_sync.bcc import CLOCKS, Traces, outside, recipients_of
from graph_sync.errors import GraphError
from graph_sync.pull import rules_of
from graph_sync.worker import Worker
from service.db.messages import list_to_look_at_again
from service.db.tables import Message
from service.errors import ServiceError
from service.intake.blind import add_late_copies, all_told, holders
from service.letters.opened import message_sheet, staff_sender

log = structlog.get_logger()
JOB = "bcc-again"
AT_ONCE = 20
"""Messages of one run, each one request."""


async def look_again(worker: Worker, traces: Traces) -> int:
    """Read the trace of messages that are due once more; return how many got further recipients."""
    async with worker.db.reading() as session:
        due = await list_to_look_at_again(session, worker.now(), AT_ONCE)
    if not due or not worker.may_run(JOB):
        return 0
    found = 0
    async with worker.alone(JOB) as is_mine:
        for message in due if is_mine else ():
            if traces.spare <= 0:
                break
            try:
                found += await _look(worker, traces, message)
                worker.did_well(JOB)
            except GraphError as exc:
                worker.rest(JOB, exc)
                break
            except ServiceError as exc:
                log.error("bcc_broken", message=message.id.hex, error=type(exc).__name__)  # noqa: TRY400 - no foreign text in logs
    return found


async def _look(worker: Worker, traces: Traces, message: Message) -> bool:
    rules, sheet = rules_of(worker), message_sheet(worker.ring, message)
    sender = staff_sender(worker.ring, message).address
    rows = await traces.rows(sender.lower(), message.received_at - CLOCKS, message.received_at + CLOCKS)
    named = outside(worker, recipients_of(sheet, sender, rows))
    if late := named - all_told(worker.ring, message, rules):
        late -= await holders(worker.db, worker.ring, message)
    added = await add_late_copies(worker.db, worker.ring, message, sorted(late), rules, worker.now())
    if added:
        log.warning("bcc_late", message=message.id.hex, count=len(late))
    return added
