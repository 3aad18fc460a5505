"""A draft becomes a reply, or a mail passed on: one transaction puts it into Sent and queues it for staff."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.sheet import Sheet
from service.core.states import Folder, Letter, MessageKind
from service.core.tag import tagged
from service.core.text import one_line
from service.db.tables import Delivery, Message
from service.letters.queue import queue_letter
from service.letters.written import reply_payload
from service.mailbox.addressees import each_once, written
from service.mailbox.drafts import SUBJECT_CHARACTERS, Draft
from service.mailbox.handovers import add_handovers
from service.mailbox.written import lines_in_one
from service.vault.box import seal_box
from service.vault.ring import KeyRing

QUOTED_CHARACTERS = 65_536
"""Of the original below a reply."""
FORWARDED_CHARACTERS = 1_048_576
"""Of the original in what is passed on; its files go whole."""
_FORWARDS = ("fw:", "fwd:", "wg:", "tr:", "i:", "enc:")
_ANSWERS = ("re:", "aw:", "sv:", "rv:", "antw:", "r:", "rif:")


def reply_subject(subject: str) -> str:
    """Return the subject of an answer, the tag kept or put in front."""
    subject = one_line(subject, SUBJECT_CHARACTERS)
    return tagged(subject if subject.lower().startswith(_ANSWERS) else f"RE: {subject}".rstrip())


def forward_subject(subject: str) -> str:
    """Return the subject of a mail that is passed on, the tag kept or put in front."""
    subject = one_line(subject, SUBJECT_CHARACTERS)
    return tagged(subject if subject.lower().startswith(_FORWARDS) else f"FW: {subject}".rstrip())


def with_forwarded(typed: str, original: str, sheet: Sheet, zone: ZoneInfo) -> str:
    """Put the original below what was typed, with the lines of its head. English: staff read it."""
    lines = "\n".join(_forwarded(original, sheet, zone))
    return f"{typed.rstrip()}\n\n{lines}\n".lstrip("\n")


def with_forwarded_html(typed: str, original: str, sheet: Sheet, zone: ZoneInfo) -> str:
    return f"{typed}<div><br></div><div>{lines_in_one(_forwarded(original, sheet, zone))}</div>"


def with_quote(typed: str, original: str, sheet: Sheet, zone: ZoneInfo) -> str:
    """Put the original below what was typed, as mail programs do. English: staff read it."""
    if not original.strip():
        return typed
    lines = "\n".join(f"> {line}".rstrip() for line in _quoted(original))
    return f"{typed.rstrip()}\n\n{_wrote(sheet, zone)}\n{lines}\n"


def with_quote_html(typed: str, original: str, sheet: Sheet, zone: ZoneInfo) -> str:
    if not original.strip():
        return typed
    wrote = lines_in_one([_wrote(sheet, zone)])
    return f"{typed}<div><br></div><div>{wrote}</div><blockquote>{lines_in_one(_quoted(original))}</blockquote>"


def finish(draft: Draft, now: datetime) -> None:
    """Make the sheet fit to be sent: each address once, the tag in the subject, the time."""
    to = each_once(draft.sheet.to)
    draft.sheet = replace(
        draft.sheet,
        to=to,
        cc=each_once(draft.sheet.cc, to),
        subject=tagged(one_line(draft.sheet.subject, SUBJECT_CHARACTERS)),
        sent_at=now,
    )


async def send(session: AsyncSession, ring: KeyRing, message: Message, draft: Draft, now: datetime) -> None:
    """Turn a stored draft into a reply and queue it, inside the transaction that stored it."""
    delivery = await session.get(Delivery, draft.delivery_id)
    assert delivery is not None
    message.kind = MessageKind.REPLY
    message.received_at = now
    message.keys_mailer = seal_box(
        ring, "mailer", f"messages/{message.id.hex}/keys", draft.content_key + draft.sheet_key
    )
    delivery.folder = Folder.SENT
    delivery.received_at = now
    await session.flush()
    add_handovers(session, ring, message.id, (*draft.sheet.to, *draft.sheet.cc), now)
    await session.execute(
        update(Delivery)
        .where(Delivery.message_id == draft.answers_id, Delivery.recipient_id == delivery.recipient_id)
        .values({"forwarded_at" if draft.is_forward else "answered_at": now})
        .execution_options(synchronize_session=False)
    )
    await queue_letter(
        session,
        ring,
        Letter.REPLY,
        f"reply/{message.id.hex}",
        now,
        payload=reply_payload(ring, message, delivery.recipient_id),
        message_id=message.id,
        recipient_id=delivery.recipient_id,
    )


def _forwarded(original: str, sheet: Sheet, zone: ZoneInfo) -> list[str]:
    sent = sheet.sent_at.astimezone(zone)
    head = [("From", written((sheet.sender,))), ("Sent", f"{sent:%A}, {_stamp(sent)}")]
    head += [(name, written(people)) for name, people in (("To", sheet.to), ("Cc", sheet.cc)) if people]
    head.append(("Subject", one_line(sheet.subject, SUBJECT_CHARACTERS)))
    end = ["[The text of the original goes on.]"] if len(original) > FORWARDED_CHARACTERS else []
    text = original[:FORWARDED_CHARACTERS].strip("\n").split("\n")
    return ["-----Original message-----", *(f"{name}: {one_line(value)}" for name, value in head), "", *text, *end]


def _quoted(original: str) -> list[str]:
    return original[:QUOTED_CHARACTERS].strip("\n").split("\n")


def _wrote(sheet: Sheet, zone: ZoneInfo) -> str:
    return f"On {_stamp(sheet.sent_at.astimezone(zone))}, {sheet.sender.name or sheet.sender.address} wrote:"


def _stamp(at: datetime) -> str:
    return f"{at:%B} {at.day}, {at:%Y}, {at.hour % 12 or 12}:{at:%M %p %Z}"
