"""Answers to our letters by mail: nobody reads them, and whoever wrote one is told so, once a day, with the way in.

Only a person is answered (RFC 3834 section 2): no report, list, out-of-office note or program; and only who answers a
letter of ours or is a recipient, so that nobody makes us write to strangers. What was taken note of leaves the Inbox.
"""

import re
import uuid
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from graph_sync.errors import NotFound
from graph_sync.mailbox import Item, Mailbox
from graph_sync.worker import Worker
from service.core.addresses import BadAddress, normal_form
from service.core.states import Letter
from service.db.tables import Account, Outbox, Recipient
from service.letters.queue import queue_letter
from service.mime.headers import get_all
from service.mime.thread import is_automatic
from service.recipients import address_index, get_by_address

log = structlog.get_logger()
ANSWERS_FOLDER = "Answers"
YOUNG = timedelta(days=1)
"""What is older was there before us, or waited too long to be answered now."""
_PROGRAMS = re.compile(
    r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|microsoftexchange[0-9a-f]+|owner-.*|.*-request|"
    r".*-bounces?)(?:\+.*)?"
)
"""Local parts that no person reads: RFC 3834 section 2, RFC 2142, and what the world made of them."""
IDS_MOST = 100
"""Looked up of one mail's thread."""
_LISTS = ("List-Id", "List-Post", "List-Unsubscribe", "Mailing-List")
_BULK = {"bulk", "junk", "list"}


async def take_answer(worker: Worker, mailbox: Mailbox, item_id: str, header: bytes) -> bool:
    """Take note of an answer to a letter of ours, or of a recipient's mail; say whether it was one."""
    try:
        item = await mailbox.item(item_id)
        sender = normal_form(item.from_.address) if item.from_ else ""
    except (NotFound, BadAddress):
        return False
    async with worker.db.reading() as session:
        recipient = await get_by_address(session, worker.ring, sender) if sender else None
        account = await session.get(Account, recipient.id) if recipient else None
        if recipient is None and not await _names_a_letter(session, header, worker.settings.public_host):
            return False
    if sender and is_from_a_person(header, sender) and _is_to_us(worker, item, sender):
        await _queue(worker, recipient, account, sender, item)
    try:
        await mailbox.move(item_id, await mailbox.ensure_folder(ANSWERS_FOLDER))
    except NotFound:
        log.info("answer_moved_before")
    return True


def is_from_a_person(header: bytes, sender: str) -> bool:
    """Say whether a person wrote this and waits for an answer."""

    def values(name: str) -> set[str]:
        return {word.strip().lower() for value in get_all(header, name) for word in value.split(",")}

    submitted = {value.partition(";")[0].strip() for value in values("Auto-Submitted")}
    return not (
        is_automatic(header)
        or submitted - {"no", ""}
        or values("Precedence") & _BULK
        or values("X-Auto-Response-Suppress") & {"all", "autoreply"}
        or any(get_all(header, name) for name in _LISTS)
        or any(value.startswith("multipart/report") for value in values("Content-Type"))
        or _PROGRAMS.fullmatch(sender.partition("@")[0])
    )


async def _names_a_letter(session: AsyncSession, header: bytes, host: str) -> bool:
    """Say that it answers one of our letters: only who got one, or was given one, knows its id."""
    named = " ".join((*get_all(header, "In-Reply-To"), *get_all(header, "References")))
    found = [uuid.UUID(one) for one in re.findall(rf"<([0-9a-f]{{32}})@{re.escape(host)}>", named)[:IDS_MOST]]
    return bool(found) and await session.scalar(select(Outbox.id).where(Outbox.id.in_(found)).limit(1)) is not None


def _is_to_us(worker: Worker, item: Item, sender: str) -> bool:
    """Say that it was written to the mailer by name, lately, from outside."""
    own = {address.lower() for address in (*worker.settings.mailers, *worker.settings.intake)}
    named = {person.address.lower() for person in (*item.to, *item.cc)}
    is_young = item.received_at is not None and item.received_at > worker.now() - YOUNG
    return is_young and bool(named & own) and sender not in own and not worker.settings.inside.holds(sender)


async def _queue(worker: Worker, recipient: Recipient | None, account: Account | None, sender: str, item: Item) -> None:
    now = worker.now()
    async with worker.db.writing() as session:
        await queue_letter(
            session,
            worker.ring,
            Letter.ANSWER,
            f"answer/{address_index(worker.ring, sender).hex()}/{now:%Y-%m-%d}",
            now,
            payload={
                "to": sender,
                "language": account.language if account else "",
                "answers": item.internet_message_id,
            },
            recipient_id=recipient.id if recipient else None,
        )
