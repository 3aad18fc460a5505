"""Bounces: a notice that came back. Its sender is told, since the recipient does not know that a message waits.

A report is believed only as far as it goes: it names one of our Message-IDs, which nobody but Exchange and the
recipient has seen, and all that follows is one letter to the sender.
"""

import re
import uuid

import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from graph_sync.errors import Gone, GraphError, NotFound
from graph_sync.mailbox import INBOX, Mailbox
from graph_sync.worker import Worker
from service.core.states import Letter, NotDelivered
from service.db.tables import Cursor, Delivery, Message, Outbox, Recipient
from service.errors import ServiceError
from service.intake.receipts import tell_not_delivered
from service.letters.opened import message_sheet, staff_sender
from service.mime.headers import HeaderFilter, get_all
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
            found += await _read(worker, mailbox, item_id)
        async with worker.db.writing() as session:
            cursor = await _cursor(session, mailbox.address)
            cursor.link, cursor.done_at = page.link, worker.now()
        link = page.link
        if page.delta_link:
            break
    return found


async def _read(worker: Worker, mailbox: Mailbox, item_id: str) -> int:
    """Handle one item; what is no report of ours stays where it is."""
    try:
        row_id = await _returned(worker, mailbox, item_id)
    except NotFound:
        return 0
    if row_id is None or not await tell_bounced(worker, row_id):
        return 0
    try:
        await mailbox.move(item_id, await mailbox.ensure_folder(BOUNCES_FOLDER))
    except NotFound:
        log.info("bounce_moved_before", row=row_id.hex)
    return 1


async def _returned(worker: Worker, mailbox: Mailbox, item_id: str) -> uuid.UUID | None:
    """Return the outbox row whose mail a delivery report is about."""
    top, text = HeaderFilter(), bytearray()
    async with mailbox.source(item_id) as pieces:
        async for piece in pieces:
            text += top.feed(piece)
            if top.is_complete and not _is_report(top.header):
                return None
            if len(text) > READ_BYTES:
                break
    text += top.close()
    if not _is_report(top.header):
        return None
    host = re.escape(worker.settings.public_host.encode("ascii"))
    match = re.search(rb"^Message-ID:\s*<([0-9a-f]{32})@" + host + rb">", text, re.IGNORECASE | re.MULTILINE)
    return uuid.UUID(match[1].decode("ascii")) if match else None


def _is_report(header: bytes) -> bool:
    """RFC 3464: multipart/report, of kind delivery-status."""
    values = [value.lower() for value in get_all(header, "Content-Type")]
    return any(value.startswith("multipart/report") and "delivery-status" in value for value in values)


async def tell_bounced(worker: Worker, row_id: uuid.UUID) -> bool:
    """Tell the sender of the message whose notice came back; say whether the row is one of ours at all."""
    async with worker.db.reading() as session:
        row = await session.get(Outbox, row_id)
        message = await session.get(Message, row.message_id) if row and row.message_id else None
        delivery = await session.get(Delivery, row.delivery_id) if row and row.delivery_id else None
        recipient = await session.get(Recipient, delivery.recipient_id) if delivery else None
    if row is None:
        return False
    log.warning("letter_bounced", row=row.id.hex, job=row.letter.value)
    if row.letter is not Letter.NOTICE or message is None or recipient is None or message.keys_mailer is None:
        return True
    sheet = message_sheet(worker.ring, message)
    if not sheet.automatic:
        async with worker.db.writing() as session:
            await tell_not_delivered(
                session,
                worker.ring,
                NotDelivered.BOUNCED,
                row.id,
                staff_sender(worker.ring, message),
                worker.now(),
                subject=sheet.subject,
                recipients=(mailing_address(worker.ring, recipient),),
                sent_at=sheet.sent_at,
                message_id=message.id,
            )
    return True


async def _cursor(session: AsyncSession, mailbox: str) -> Cursor:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(Cursor)
        .values(mailbox=mailbox, folder=INBOX, link="", wakes=0)
        .on_conflict_do_nothing(index_elements=["mailbox", "folder"])
    )
    return await session.get_one(Cursor, (mailbox, INBOX))
