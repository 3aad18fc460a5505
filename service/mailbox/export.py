"""Everything that a reader can still read, mail by mail: what was received as it came, what they wrote as it would go.

Rows are read some at a time, and a mail is opened as it goes out, so that a full mailbox takes no more memory than one
message. A message that ends meanwhile is left out; one that breaks breaks the whole: no half of it may look complete.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from service.blobs import Blobs
from service.core.addresses import BadAddress, normal_form
from service.core.sheet import Part, Person, Role
from service.core.states import Folder, MessageKind
from service.db.engine import Database
from service.db.tables import Delivery
from service.mailbox.deliveries import list_blobs, living
from service.mailbox.opening import Content, Opened, open_delivery
from service.mime.names import safe_name
from service.mime.writer import Outgoing, write_with_attachments
from service.vault.people import RecipientKey
from service.vault.ring import KeyRing

AT_ONCE = 50
STEM_CHARACTERS = 80
UNSENT = ("X-Unsent", "1")
"""Mail programs open such a mail to be written on."""


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
    """Whose mail, and with what it is opened. `host` stands in the Message-IDs of what the reader wrote."""

    db: Database
    blobs: Blobs
    ring: KeyRing
    key: RecipientKey
    recipient_id: uuid.UUID
    host: str
    zone: ZoneInfo
    clock: Callable[[], datetime]

    async def mails(self) -> AsyncIterator[Mailed]:
        """Give out each mail that can be read at its turn, oldest first. Raises Broken, SealBroken, TryAgain."""
        last: Delivery | None = None
        while True:
            async with self.db.reading() as session:
                rows = await _list(session, self.recipient_id, self.clock(), last)
                blobs = {row.id: await list_blobs(session, row.message_id) for row in rows}
            for row in rows:
                if row.expires_at > self.clock():
                    yield self._mailed(open_delivery(self.ring, self.key, row), blobs[row.id])
            if len(rows) < AT_ONCE:
                return
            last = rows[-1]

    def _mailed(self, opened: Opened, keys: Mapping[str, str]) -> Mailed:
        content, delivery = Content.of(self.blobs, opened, keys), opened.delivery
        is_received = opened.message.kind is MessageKind.RECEIVED
        return Mailed(
            _name(opened, self.zone),
            delivery.folder,
            delivery.own_folder_id if delivery.folder is not Folder.DELETED else None,
            opened.sheet.sender.address,
            opened.message.received_at.astimezone(self.zone),
            content.open_source if is_received else partial(_written, opened, content, self.host),
        )


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


def _name(opened: Opened, zone: ZoneInfo) -> str:
    at = opened.message.received_at.astimezone(zone)
    stem = safe_name(opened.sheet.subject.replace("/", "_").replace("\\", "_")[:STEM_CHARACTERS], "", 1)
    stem = stem if opened.sheet.subject.strip() else "-"
    return f"{at:%Y-%m-%d %H%M} {stem} [{opened.message.reference}].eml"


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
    return tuple(person for person in people if _is_address(person.address))


def _is_address(text: str) -> bool:
    try:
        return normal_form(text).isascii()
    except BadAddress:
        return False
