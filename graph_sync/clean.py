"""Clean our own mailboxes: what lies there is clear text, and has done its duty."""

from datetime import timedelta

import structlog

from graph_sync.answers import ANSWERS_FOLDER
from graph_sync.bounces import BOUNCES_FOLDER
from graph_sync.doubt import find_sent
from graph_sync.errors import GraphError
from graph_sync.pull import REFUSED_FOLDER, SEALED_FOLDER
from graph_sync.worker import Worker, message_id_of
from service.core.limits import SENT_COPIES_KEPT
from service.core.states import Lane
from service.db.messages import shred_late_keys
from service.db.outbox import list_uncleaned
from service.db.tables import Outbox
from service.errors import TryAgain

log = structlog.get_logger()
CODES_KEPT = timedelta(minutes=2)
"""A copy of a code in Sent Items; it must have arrived there first."""
LOOKED_FOR = timedelta(days=7)
"""A copy that was not found for so long is not looked for any more."""
BATCH = 50
JOB = "clean"


async def clean(worker: Worker) -> int:
    """Delete one batch of each kind of what is old enough; return how many items went."""
    gone = 0
    async with worker.alone(JOB) as is_mine:
        if not is_mine:
            return 0
        gone += await clean_sent(worker, [Lane.CODES], CODES_KEPT)
        gone += await clean_sent(worker, [Lane.REPLIES, Lane.NOTICES, Lane.RECEIPTS], SENT_COPIES_KEPT)
        for mailbox in worker.settings.intake:
            gone += await _guarded_folder(worker, mailbox, SEALED_FOLDER, worker.settings.intake_keep)
            gone += await _guarded_folder(worker, mailbox, REFUSED_FOLDER, worker.settings.retention)
        for mailbox in worker.settings.mailers:
            for folder in (BOUNCES_FOLDER, ANSWERS_FOLDER):
                gone += await _guarded_folder(worker, mailbox, folder, SENT_COPIES_KEPT)
        async with worker.db.writing() as session:
            await shred_late_keys(session, worker.now())
    return gone


async def clean_sent(worker: Worker, lanes: list[Lane], kept: timedelta) -> int:
    """Delete copies in Sent Items of letters sent so long ago."""
    async with worker.db.reading() as session:
        rows = await list_uncleaned(session, lanes, worker.now() - kept, BATCH)
    gone = 0
    for row in rows:
        if not worker.may_run(JOB):
            break
        try:
            gone += await _clean_one(worker, row)
            worker.did_well(JOB)
        except (GraphError, TryAgain) as exc:
            worker.rest(JOB, exc)
    return gone


async def _clean_one(worker: Worker, row: Outbox) -> int:
    mailbox = worker.mailbox(row.mailer)
    item_id = await find_sent(mailbox, row, message_id_of(worker, row))
    if item_id:
        await mailbox.delete(item_id)
    elif row.done_at is not None and row.done_at > worker.now() - LOOKED_FOR:
        return 0  # not there yet
    async with worker.db.writing() as session:
        kept = await session.get(Outbox, row.id)
        if kept is not None:
            kept.cleaned_at = worker.now()
    return 1


async def _guarded_folder(worker: Worker, address: str, folder: str, kept: timedelta) -> int:
    try:
        return await clean_folder(worker, address, folder, kept)
    except GraphError as exc:
        worker.rest(JOB, exc)
        return 0


async def clean_folder(worker: Worker, address: str, folder: str, kept: timedelta) -> int:
    """Delete a page of items that were received so long ago. Raises GraphError."""
    mailbox = worker.mailbox(address)
    items = await mailbox.older(await mailbox.ensure_folder(folder), worker.now() - kept)
    for item_id in items:
        await mailbox.delete(item_id)
    if items:
        log.info("folder_cleaned", count=len(items))
    return len(items)
