"""Bounces: a letter that came back. Who wrote is told: of a notice its sender, of a reply its writer.

A recipient whose notice came back does not know that a message waits, and is not reminded of it either. A report is
believed only as far as it goes: it names one of our Message-IDs, which nobody but Exchange and the recipient has seen,
and all that follows is one letter to whoever wrote.
"""

import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from graph_sync.answers import take_answer
from graph_sync.errors import Gone, GraphError, NotFound
from graph_sync.follow import reply_returned
from graph_sync.mailbox import INBOX, Mailbox
from graph_sync.reports import Report, is_report, read_report
from graph_sync.worker import Worker
from service.core.states import Letter, NotDelivered
from service.db.outbox import take_back_reminders
from service.db.tables import Cursor, Delivery, Message, Outbox, Recipient
from service.errors import ServiceError, TryAgain
from service.intake.receipts import tell_not_delivered
from service.letters.opened import message_sheet, staff_sender
from service.mime.headers import HeaderFilter
from service.recipients import mailing_address

log = structlog.get_logger()
BOUNCES_FOLDER = "Bounces"
READ_BYTES = 512 * 1024
"""Of a report; the returned header stands at its end, the returned body is not asked for."""
PAGES = 100


async def look_for_bounces(worker: Worker) -> int:
    """Read what came to the mailers since the last look; return how many reports were of ours."""
    found = 0
    for address in worker.settings.mailers:
        job = f"bounces/{address}"
        if not worker.may_run(job):
            continue
        async with worker.alone(job) as is_mine:
            if not is_mine:
                continue
            try:
                found += await _look(worker, worker.mailbox(address))
                worker.did_well(job)
            except (GraphError, ServiceError) as exc:
                worker.rest(job, exc)
    return found


async def _look(worker: Worker, mailbox: Mailbox) -> int:
    async with worker.db.writing() as session:
        link = (await _cursor(session, mailbox.address)).link
    found = 0
    for _ in range(PAGES):
        try:
            page = await mailbox.delta(INBOX, link)
        except Gone:
            if not link:
                raise
            link = ""
            continue
        for item_id in page.ids:
            found += await _guarded(worker, mailbox, item_id)
        async with worker.db.writing() as session:
            cursor = await _cursor(session, mailbox.address)
            cursor.link, cursor.done_at = page.link, worker.now()
        link = page.link
        if page.delta_link:
            break
    return found


async def _guarded(worker: Worker, mailbox: Mailbox, item_id: str) -> int:
    """Handle one item; what is broken about it holds up no other."""
    try:
        return await _read(worker, mailbox, item_id)
    except TryAgain:
        raise
    except ServiceError as exc:
        log.error("bounce_broken", error=type(exc).__name__)  # noqa: TRY400 - no foreign text in logs
        return 0


async def _read(worker: Worker, mailbox: Mailbox, item_id: str) -> int:
    """Handle one item, and say whether it was a report of ours; what is none of ours stays where it is."""
    try:
        header, report = await _open(worker, mailbox, item_id)
    except NotFound:
        return 0
    if report is None or not await tell_bounced(worker, report):
        if not is_report(header):
            await take_answer(worker, mailbox, item_id, header)
        return 0
    try:
        await mailbox.move(item_id, await mailbox.ensure_folder(BOUNCES_FOLDER))
    except NotFound:
        log.info("bounce_moved_before", row=report.row_id.hex)
    return 1


async def _open(worker: Worker, mailbox: Mailbox, item_id: str) -> tuple[bytes, Report | None]:
    """Read an item's header, and all of it where it is a delivery report about a mail of ours."""
    top, text = HeaderFilter(), bytearray()
    async with mailbox.source(item_id) as pieces:
        async for piece in pieces:
            text += top.feed(piece)
            if top.is_complete and not is_report(top.header):
                return top.header, None
            if len(text) > READ_BYTES:
                break
    text += top.close()
    found = read_report(bytes(text), worker.settings.public_host) if is_report(top.header) else None
    return top.header, found


async def tell_bounced(worker: Worker, report: Report) -> bool:
    """Tell who wrote what came back; say whether the row is one of ours at all."""
    async with worker.db.reading() as session:
        row = await session.get(Outbox, report.row_id)
        message = await session.get(Message, row.message_id) if row and row.message_id else None
        delivery = await session.get(Delivery, row.delivery_id) if row and row.delivery_id else None
        recipient = await session.get(Recipient, delivery.recipient_id) if delivery else None
    if row is None:
        return False
    log.warning("letter_bounced", row=row.id.hex, job=row.letter.value)
    if row.letter is Letter.REPLY:
        await reply_returned(worker, row, report)
    elif row.letter not in {Letter.NOTICE, Letter.REMINDER} or not report.is_end:
        return True
    elif message and delivery and recipient and message.keys_mailer:
        await _tell_sender(worker, message, delivery, recipient)
    return True


async def _tell_sender(worker: Worker, message: Message, delivery: Delivery, recipient: Recipient) -> None:
    sheet, now = message_sheet(worker.ring, message), worker.now()
    async with worker.db.writing() as session:
        await take_back_reminders(session, delivery.id, now)
        if sheet.automatic:
            return
        await tell_not_delivered(
            session,
            worker.ring,
            NotDelivered.BOUNCED,
            delivery.id,
            staff_sender(worker.ring, message),
            now,
            subject=sheet.subject,
            recipients=(mailing_address(worker.ring, recipient),),
            sent_at=sheet.sent_at,
            message_id=message.id,
        )


async def _cursor(session: AsyncSession, mailbox: str) -> Cursor:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(Cursor)
        .values(mailbox=mailbox, folder=INBOX, link="", wakes=0)
        .on_conflict_do_nothing(index_elements=["mailbox", "folder"])
    )
    return await session.get_one(Cursor, (mailbox, INBOX))
