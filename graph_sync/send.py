"""Send: the outbox, lane by lane. A mail is a draft first, so that a crash at any point sends nothing twice.

    pending → drafting → drafted(id) → complete(files read back) → sending → sent | failed | unsure
                  └→ not_needed: what it was to tell is no longer so

Each arrow is committed before the next request; who finds a row in `drafting` or `sending` was not there and looks
where the mail is before doing anything. What stays in doubt is `unsure`: a person decides, it is never sent again.
"""

import asyncio
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import structlog
from sqlalchemy import update

from graph_sync.attach import attach_all
from graph_sync.doubt import ROW_HEADER, Place, find_draft, whereabouts
from graph_sync.errors import Forbidden, GraphError, NotFound, Rejected, Throttled, TryLater
from graph_sync.follow import addressees, fail_reply
from graph_sync.mailbox import Mailbox
from graph_sync.steps import checkpoint
from graph_sync.worker import Worker, back_off, code_of, message_id_of
from service.core.limits import CODE_LIFE
from service.core.states import HandedOver, Lane, Letter, Outgoing
from service.db.handovers import move_handovers
from service.db.outbox import change_outbox, claim_outbox, is_any_due
from service.db.tables import Delivery, Message, Outbox
from service.errors import Broken, Refused, ServiceError
from service.letters.branding import Branding
from service.letters.compose import Composed, compose
from service.mime.writer import write_mail

log = structlog.get_logger()
AT_ONCE = {Lane.CODES: 2, Lane.REPLIES: 1, Lane.NOTICES: 3, Lane.RECEIPTS: 2}
DIRECT = {Letter.CODE, Letter.ACCOUNT}
"""Letters whose double is harmless: one call, no draft."""
DOUBT = "in_doubt_"
DOUBTS = 12
"""Looks at a mail that is nowhere, ~20 minutes with growing waits, before a person is asked."""
LOOK_AGAIN_AFTER = timedelta(seconds=5)
"""A request whose answer was lost may still be at work for so long."""


class RowLost(Exception):
    """Another worker took the row over."""


async def send_due(worker: Worker, lane: Lane) -> int:
    """Work on due rows of a lane until none is left; return how many were worked on."""
    async with worker.db.reading() as session:
        if not await is_any_due(session, lane, worker.now()):
            return 0
    return sum(await asyncio.gather(*(_send_on(worker, lane) for _ in range(AT_ONCE[lane]))))


async def _send_on(worker: Worker, lane: Lane) -> int:
    """Take one row after the other: a slow one holds up nobody but itself."""
    done = 0
    while True:
        async with worker.db.writing() as session:
            claimed = await claim_outbox(session, lane, worker.name, worker.now(), worker.settings.leases, 1)
        if not claimed:
            return done
        await _guarded(worker, claimed[0])
        done += 1


async def _guarded(worker: Worker, row: Outbox) -> None:
    """Bring one row forward; whatever stops it, the others go on."""
    try:
        async with worker.keeping(lambda: _extend(worker, row)):
            await bring_out(worker, row)
    except RowLost:
        log.warning("row_lost", row=row.id.hex)
    except Refused:
        await _not_wanted(worker, row)
    except Broken as exc:
        log.error("letter_broken", row=row.id.hex, error=type(exc).__name__)  # noqa: TRY400 - no foreign text in logs
        await _fail(worker, row, "broken")
    except Forbidden as exc:  # the tenant's doing, not the letter's
        await _put_off(worker, row, back_off(row.tries, exc), exc.code)
    except Rejected as exc:
        if isinstance(exc, NotFound) and row.state is Outgoing.DRAFTED:  # somebody deleted the draft: make another
            await _step(worker, row, state=Outgoing.DRAFTING, draft_id="")
            await _put_off(worker, row, back_off(row.tries), exc.code)
            return
        if row.state is Outgoing.SENDING:  # a look was refused, which says nothing of the mail
            await _look_again(worker, row, exc.code)
            return
        await _reject(worker, row, exc)
    except (GraphError, ServiceError) as exc:
        await _put_off(worker, row, back_off(row.tries, exc), code_of(exc))


async def bring_out(worker: Worker, row: Outbox) -> None:
    """Take a claimed row as far as it goes. Raises GraphError, ServiceError, RowLost."""
    if row.letter in DIRECT:
        await _send_directly(worker, row)
        return
    is_ours, composed = False, None
    if row.state is Outgoing.PENDING:
        await _step(worker, row, state=Outgoing.DRAFTING, mailer=_mailer(worker, row))
        checkpoint("drafting")
        is_ours = True
    mailbox = worker.mailbox(row.mailer)
    if row.state is Outgoing.DRAFTING:
        draft_id = "" if is_ours else await find_draft(mailbox, row, message_id_of(worker, row))
        if not draft_id:
            composed = await _compose(worker, row)
            draft_id = await mailbox.create_draft(await asyncio.to_thread(write_mail, composed.outgoing))
        checkpoint("drafting")
        await _step(worker, row, state=Outgoing.DRAFTED, draft_id=draft_id)
        checkpoint("drafted")
    if row.state is Outgoing.SENDING and not await _was_not_sent(worker, mailbox, row):
        return
    if row.state is Outgoing.DRAFTED:
        composed = composed or await _compose(worker, row)
        files = await attach_all(worker, mailbox, row.draft_id, composed) if composed.attachments else 0
        await _step(worker, row, state=Outgoing.COMPLETE, attached=files)
        checkpoint("complete")
    await _send(worker, mailbox, row)


async def _send(worker: Worker, mailbox: Mailbox, row: Outbox) -> None:
    await _step(worker, row, state=Outgoing.SENDING)
    checkpoint("sending")
    try:
        await mailbox.send(row.draft_id)
    except (Throttled, Forbidden):
        await _step(worker, row, state=Outgoing.COMPLETE)  # it was not looked at
        raise
    except (TryLater, NotFound) as exc:  # done or not done: the next look tells
        await _put_off(worker, row, LOOK_AGAIN_AFTER, f"{DOUBT}0")
        log.warning("send_in_doubt", row=row.id.hex, code=code_of(exc))
        return
    except Rejected as exc:
        await _reject(worker, row, exc)
        return
    await _sent(worker, row)


async def _was_not_sent(worker: Worker, mailbox: Mailbox, row: Outbox) -> bool:
    """Say whether a row found in `sending` is still a draft; else settle it or leave it for another look."""
    place, draft_id = await whereabouts(mailbox, row, message_id_of(worker, row))
    if place is Place.DRAFT:
        await _step(worker, row, state=Outgoing.COMPLETE, draft_id=draft_id, error="")
        return True
    if place is Place.SENT:
        await _sent(worker, row)
        return False
    await _look_again(worker, row, place.name.lower())
    return False


async def _look_again(worker: Worker, row: Outbox, code: str) -> None:
    """Leave a doubtful row for another look; after many a person is asked."""
    looked = int(row.error.removeprefix(DOUBT)) + 1 if row.error.startswith(DOUBT) else 1
    if looked > DOUBTS:
        log.error("letter_unsure", row=row.id.hex, code=code)
        await _end(worker, row, Outgoing.UNSURE, code)
    else:
        await _put_off(worker, row, back_off(looked), f"{DOUBT}{looked}")


async def _send_directly(worker: Worker, row: Outbox) -> None:
    if row.letter is Letter.CODE and worker.now() >= row.created_at + CODE_LIFE:
        await _end(worker, row, Outgoing.FAILED, "too_late")
        return
    row.mailer = row.mailer or _mailer(worker, row)
    composed = await _compose(worker, row)
    await _step(worker, row, state=Outgoing.SENDING, mailer=row.mailer)
    checkpoint("sending")
    try:
        await worker.mailbox(row.mailer).send_mail(write_mail(composed.outgoing))
    except Forbidden:
        raise
    except Rejected as exc:
        await _reject(worker, row, exc)
        return
    await _sent(worker, row)


async def _compose(worker: Worker, row: Outbox) -> Composed:
    async with worker.db.reading() as session:
        composed = await compose(
            session, worker.ring, row, Branding.of(worker.settings), worker.now(), blobs=worker.blobs
        )
    headers = (*composed.outgoing.headers, (ROW_HEADER, row.id.hex))
    return replace(composed, outgoing=replace(composed.outgoing, headers=headers))


async def _sent(worker: Worker, row: Outbox) -> None:
    """Settle the row with what its sending means, in one transaction; what was sealed for it is shredded."""
    checkpoint("sent")
    now = worker.now()
    async with worker.db.writing() as session:
        settled = await change_outbox(
            session,
            row,
            state=Outgoing.SENT,
            payload=None,
            error="",
            done_at=now,
            lease_owner=None,
            lease_until=None,
        )
        if not settled:
            raise RowLost
        if row.letter is Letter.NOTICE:
            await session.execute(update(Delivery).where(Delivery.id == row.delivery_id).values(notified_at=now))
        if row.letter is Letter.REPLY and row.message_id is not None:
            await session.execute(update(Message).where(Message.id == row.message_id).values(keys_mailer=None))
            await move_handovers(session, row.message_id, HandedOver.SENT, now)
    log.info("letter_sent", row=row.id.hex, job=row.letter.value)


async def _reject(worker: Worker, row: Outbox, exc: Rejected) -> None:
    log.error("letter_rejected", row=row.id.hex, code=exc.code)
    await _fail(worker, row, exc.code)


async def _end(worker: Worker, row: Outbox, state: Outgoing, error: str) -> bool:
    payload = row.payload if state is Outgoing.UNSURE else None
    names = await addressees(worker, row) if row.letter is Letter.REPLY else {}
    async with worker.db.writing() as session:
        ended = await change_outbox(
            session,
            row,
            state=state,
            error=error[:64],
            payload=payload,
            done_at=worker.now(),
            lease_owner=None,
            lease_until=None,
        )
        if ended and row.letter is Letter.REPLY:
            await fail_reply(session, worker, row, names)
    return ended


async def _fail(worker: Worker, row: Outbox, error: str) -> None:
    """End a row that will not be sent; a draft of it would be clear text that nobody looks after."""
    if await _end(worker, row, Outgoing.FAILED, error) and row.draft_id and row.mailer:
        with suppress(GraphError):
            await worker.mailbox(row.mailer).delete(row.draft_id)


async def _not_wanted(worker: Worker, row: Outbox) -> None:
    """End a row whose letter has nothing to tell any more: read, revoked, past its date."""
    if row.draft_id:
        await _fail(worker, row, "not_wanted_any_more")
    else:
        await _end(worker, row, Outgoing.NOT_NEEDED, "")


async def _put_off(worker: Worker, row: Outbox, wait: timedelta, error: str) -> None:
    async with worker.db.writing() as session:
        await change_outbox(
            session, row, due_at=worker.now() + wait, error=error[:64], lease_owner=None, lease_until=None
        )


async def _step(worker: Worker, row: Outbox, **values: object) -> None:
    """Commit one arrow. Raises RowLost."""
    async with worker.db.writing() as session:
        if not await change_outbox(session, row, **values):
            raise RowLost
    for name, value in values.items():
        setattr(row, name, value)


async def _extend(worker: Worker, row: Outbox) -> bool:
    async with worker.db.writing() as session:
        return await change_outbox(session, row, lease_until=worker.now() + worker.settings.leases)


def _mailer(worker: Worker, row: Outbox) -> str:
    """Spread messages over the mailers; all letters about one message leave by the same."""
    mailers = worker.settings.mailers
    return mailers[zlib.crc32((row.message_id or row.id).bytes) % len(mailers)]
