"""Everything that a reader can still read, mail by mail: what was received as it came, what they wrote as it would go.

Rows are read some at a time, and a mail is opened as it goes out, so that a full mailbox takes no more memory than one
message. A message that ends meanwhile is left out. In the place of one that does not open stands a note that says so;
one that breaks after its beginning went out breaks the whole: no half of it may look complete.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from service.blobs import Blobs
from service.core.addresses import form_of
from service.core.references import shown
from service.core.sheet import Part, Person, Role
from service.core.states import Folder, MessageKind
from service.db.engine import Database
from service.db.tables import Delivery, Message
from service.errors import Broken
from service.mailbox.deliveries import list_blobs, living
from service.mailbox.opening import Content, Opened, open_delivery
from service.mime.names import safe_name
from service.mime.writer import Outgoing, write_mail, write_with_attachments
from service.vault.people import RecipientKey
from service.vault.ring import KeyRing

_log = structlog.get_logger()
AT_ONCE = 50
STEM_CHARACTERS = 80
UNSENT = ("X-Unsent", "1")
"""Mail programs open such a mail to be written on."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is said, and by whom, where a message does not open; `text` is given its reference."""

    sender: Person
    subject: str
    text: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Mailed:
    """One mail of the export; `open` gives its bytes once."""

    name: str
    """Without its folder: when, what about, and the reference, which no two messages share."""
    folder: Folder
    own_folder_id: uuid.UUID | None
    sender: str
    at: datetime
    open: Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True, repr=False)
class Exporting:
    """Whose mail, and with what it is opened."""

    db: Database
    blobs: Blobs
    ring: KeyRing
    key: RecipientKey
    recipient_id: uuid.UUID
    host: str
    """Stands in the Message-IDs of what the reader wrote."""
    zone: ZoneInfo
    clock: Callable[[], datetime]
    note: Note
    """Written in the place of what does not open."""

    async def mails(self) -> AsyncIterator[Mailed]:
        """Give out each mail that can be read at its turn, oldest first. Its bytes may raise Broken, TryAgain."""
        last: Delivery | None = None
        while True:
            async with self.db.reading() as session:
                rows = await _list(session, self.recipient_id, self.clock(), last)
                blobs = {row.id: await list_blobs(session, row.message_id) for row in rows}
            for row in rows:
                if row.expires_at > self.clock():
                    yield self._mailed(row, blobs[row.id])
            if len(rows) < AT_ONCE:
                return
            last = rows[-1]

    def _mailed(self, delivery: Delivery, keys: Mapping[str, str]) -> Mailed:
        message, at = delivery.message, delivery.message.received_at.astimezone(self.zone)
        own = delivery.own_folder_id if delivery.folder is not Folder.DELETED else None
        note = partial(self._note, message)
        try:
            opened = open_delivery(self.ring, self.key, delivery)
        except Broken:
            return Mailed(_name("", message.reference, at), delivery.folder, own, "", at, note)
        content = Content.of(self.blobs, opened, keys)
        is_received = message.kind is MessageKind.RECEIVED
        pieces = content.open_source if is_received else partial(_written, opened, content, self.host)
        sheet = opened.sheet
        name = _name(sheet.subject, message.reference, at)
        return Mailed(name, delivery.folder, own, sheet.sender.address, at, partial(_or_note, pieces, note))

    async def _note(self, message: Message) -> AsyncIterator[bytes]:
        _log.error("export lacks a message", message=message.id.hex)
        yield write_mail(
            Outgoing(
                from_=self.note.sender,
                to=(),
                subject=self.note.subject,
                text=self.note.text(shown(message.reference)),
                message_id=f"<{message.id.hex}.note@{self.host}>",
                date=message.received_at,
            )
        )


async def _or_note(
    opens: Callable[[], AsyncIterator[bytes]], note: Callable[[], AsyncIterator[bytes]]
) -> AsyncIterator[bytes]:
    """Give out a mail, or the note where not even its beginning opens."""
    pieces = opens()
    try:
        first = await anext(pieces, b"")
    except Broken:
        pieces, first = note(), b""
    yield first
    async for piece in pieces:
        yield piece


async def _list(
    session: AsyncSession, recipient_id: uuid.UUID, now: datetime, after: Delivery | None
) -> list[Delivery]:
    query = (
        select(Delivery)
        .join(Delivery.message)
        .options(contains_eager(Delivery.message))
        .where(*living(recipient_id, now))
        .order_by(Delivery.received_at, Delivery.id)
        .limit(AT_ONCE)
    )
    if after is not None:
        is_same = and_(Delivery.received_at == after.received_at, Delivery.id > after.id)
        query = query.where(or_(Delivery.received_at > after.received_at, is_same))
    return list(await session.scalars(query))


def _name(subject: str, reference: str, at: datetime) -> str:
    stem = safe_name(subject.replace("/", "_").replace("\\", "_")[:STEM_CHARACTERS], "", 1) if subject.strip() else "-"
    return f"{at:%Y-%m-%d %H%M} {stem} [{reference}].eml"


async def _written(opened: Opened, content: Content, host: str) -> AsyncIterator[bytes]:
    """Write what the reader wrote as a mail of its own: a reply as staff have its words, a draft as far as it is."""
    sheet, is_draft = opened.sheet, opened.message.kind is MessageKind.DRAFT
    outgoing = Outgoing(
        from_=sheet.sender,
        to=_writable(sheet.to),
        cc=_writable(sheet.cc),
        subject=sheet.subject,
        text=await _text(content, sheet.parts, Role.BODY_TEXT),
        html=await _text(content, sheet.parts, Role.BODY_HTML),
        message_id=f"<{opened.message.id.hex}@{host}>",
        date=sheet.sent_at,
        in_reply_to=sheet.answers,
        references=sheet.references,
        headers=(UNSENT,) if is_draft else (),
    )
    files = ((part.name, part.type, content.open_part(part)) for part in sheet.attachments)
    async for piece in write_with_attachments(outgoing, files):
        yield piece


async def _text(content: Content, parts: tuple[Part, ...], role: Role) -> str:
    return "\n".join([await content.read_text(part, part.size or 1) for part in parts if part.role is role])


def _writable(people: tuple[Person, ...]) -> tuple[Person, ...]:
    """Leave out what a draft's writer has not finished typing."""
    return tuple(person for person in people if form_of(person.address))
