"""A draft: written on the portal, sealed as it streams in, kept until it is sent, discarded or its original expires.

Blobs are written first, rows last and all at once, so that a draft is whole or as it was. What a broken request left
in the store is deleted, and by a crash only sealed bytes without a key are left.
"""

import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.blobs import Blobs
from service.core.limits import EXCERPT_CHARACTERS, MEBIBYTE
from service.core.references import new_reference
from service.core.sheet import Part, Person, Role, Sheet
from service.core.states import Envelope, Folder, MessageKind
from service.core.text import one_line
from service.db.tables import Blob, Delivery, Message
from service.errors import Refused, TooBig
from service.mailbox.opening import Content, Opened, own_proof
from service.mime.names import safe_name, unique_names
from service.vault.people import seal_keys_to_recipient
from service.vault.ring import KeyRing
from service.vault.stream import Sealer, context, new_data_key, seal
from service.vault.types import DataKey

FILES_MOST = 100
TEXT_LONGEST = MEBIBYTE
"""Bytes of what is typed."""
SUBJECT_CHARACTERS = 400
DRAFTS_BYTES = 200 * MEBIBYTE
"""All drafts of one writer together."""
BODY = "body"
IDENTITY = "identity"
FORWARD = "forward"
"""Note in the sheet of what passes a mail on, instead of answering it."""


class Changed(Refused):
    """The draft was changed in another window, or is none any more."""


class TooManyFiles(Refused):
    """A message holds at most a hundred files."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A sealed blob in the store that a draft refers to."""

    key: str
    sealed_bytes: int


@dataclass(slots=True, repr=False)
class Draft:
    """A draft in hand: changed in memory, then stored."""

    message_id: uuid.UUID
    delivery_id: uuid.UUID
    content_key: DataKey
    sheet_key: DataKey
    sheet: Sheet
    expires_at: datetime
    answers_id: uuid.UUID
    blobs: dict[str, Stored] = field(default_factory=dict)
    loaded: bytes | None = None
    """The sealed sheet as it stood when the draft was taken in hand; None for one that has no row yet."""
    fresh: list[str] = field(default_factory=list)
    """Keys of blobs that no row names yet."""
    stale: list[str] = field(default_factory=list)
    """Keys of blobs that the stored draft will not name any more."""

    @property
    def files(self) -> tuple[Part, ...]:
        return tuple(part for part in self.sheet.parts if part.role is Role.ATTACHMENT)

    @property
    def files_size(self) -> int:
        return sum(part.size for part in self.files)

    @property
    def size(self) -> int:
        return sum(part.size for part in self.sheet.parts)

    @property
    def is_forward(self) -> bool:
        return FORWARD in self.sheet.notes


def draft_id(recipient_id: uuid.UUID, nonce: str) -> uuid.UUID:
    """Return the message id that a form's nonce stands for: one form makes one message, however often it is sent."""
    digest = hashlib.sha256(b"safemail/v1/draft\0" + recipient_id.bytes + nonce.encode("utf-8", "replace"))
    return uuid.UUID(bytes=digest.digest()[:16], version=4)


def begin(message_id: uuid.UUID, original: Opened, writer: Person, now: datetime, *, is_forward: bool = False) -> Draft:
    """Take a new draft in hand; nothing is stored yet."""
    sheet = original.sheet
    references = tuple(one for one in (*sheet.references, sheet.message_id) if one)
    fresh = Sheet(
        subject="",
        sender=writer,
        sent_at=now,
        references=references,
        answers=sheet.message_id,
        notes=(FORWARD,) if is_forward else (),
    )
    return Draft(
        message_id,
        uuid.uuid4(),
        new_data_key(),
        new_data_key(),
        fresh,
        original.delivery.expires_at,
        original.message.id,
    )


def resume(opened: Opened, rows: Mapping[str, Stored]) -> Draft:
    """Take a stored draft in hand. Raises Changed where it is none any more."""
    message = opened.message
    if message.kind is not MessageKind.DRAFT or message.answers_id is None:
        raise Changed
    return Draft(
        message.id,
        opened.delivery.id,
        opened.content_key,
        opened.sheet_key,
        opened.sheet,
        opened.delivery.expires_at,
        message.answers_id,
        dict(rows),
        message.sheet,
    )


async def list_stored(session: AsyncSession, message_id: uuid.UUID) -> dict[str, Stored]:
    """Return a message's blobs by name. The caller knows whose it is."""
    rows = await session.execute(select(Blob.name, Blob.key, Blob.sealed_bytes).where(Blob.message_id == message_id))
    return {name: Stored(key, length) for name, key, length in rows}


async def room_beside(session: AsyncSession, recipient_id: uuid.UUID, message_id: uuid.UUID | None) -> int:
    """Return how many bytes the writer's other drafts leave."""
    query = (
        select(func.coalesce(func.sum(Message.size), 0))
        .join(Delivery, Delivery.message_id == Message.id)
        .where(Delivery.recipient_id == recipient_id, Message.kind == MessageKind.DRAFT)
    )
    if message_id is not None:
        query = query.where(Message.id != message_id)
    return max(0, DRAFTS_BYTES - int(await session.scalar(query) or 0))


async def add_file(store: Blobs, draft: Draft, name: str, type_: str, pieces: AsyncIterator[bytes], room: int) -> Part:
    """Seal a file as it streams in.

    Raises:
        TooBig: it does not fit into `room` bytes; nothing of it is kept, the rest of it is still to be read.
        TooManyFiles: nothing of it was read.
    """
    if len(draft.files) >= FILES_MOST:
        raise TooManyFiles
    taken = [int(blob.removeprefix("file-")) for blob in draft.blobs if blob.startswith("file-")]
    number = max(taken, default=0) + 1
    blob = f"file-{number}"
    size, digest = await _put(store, draft, blob, pieces, room)
    names = unique_names([*(part.name for part in draft.files), safe_name(name, type_, number)])
    part = Part(number + 1, None, Role.ATTACHMENT, type_, names[-1], blob, 0, size, IDENTITY, size, digest)
    draft.sheet = replace(draft.sheet, parts=(*draft.sheet.parts, part))
    return part


async def set_text(store: Blobs, draft: Draft, text: str) -> None:
    """Seal what was typed, instead of what stood there."""
    encoded = text.replace("\r\n", "\n").encode("utf-8", "replace")

    async def once() -> AsyncIterator[bytes]:
        yield encoded

    if BODY in draft.blobs:
        draft.stale.append(draft.blobs.pop(BODY).key)
    size, digest = await _put(store, draft, BODY, once(), len(encoded))
    part = Part(1, None, Role.BODY_TEXT, "text/plain", "", BODY, 0, size, IDENTITY, size, digest, charset="utf-8")
    draft.sheet = replace(draft.sheet, parts=(part, *draft.files))


def remove_file(draft: Draft, number: int) -> bool:
    """Take a file out; say whether it was there."""
    part = next((part for part in draft.files if part.number == number), None)
    if part is None:
        return False
    draft.stale.append(draft.blobs.pop(part.blob).key)
    draft.sheet = replace(draft.sheet, parts=tuple(other for other in draft.sheet.parts if other is not part))
    return True


async def read_typed(store: Blobs, draft: Draft) -> str:
    """Read what was typed."""
    part = next((part for part in draft.sheet.parts if part.blob == BODY), None)
    if part is None:
        return ""
    content = Content(store, draft.content_key, draft.message_id, {name: at.key for name, at in draft.blobs.items()})
    return (await content.read_part(part, part.size or 1)).decode("utf-8", "replace")


async def store_draft(
    session: AsyncSession,
    ring: KeyRing,
    draft: Draft,
    recipient_id: uuid.UUID,
    public_key: bytes,
    text: str,
    now: datetime,
) -> Message:
    """Write the rows, inside the caller's transaction.

    Raises:
        Changed: another window changed, sent or discarded it since it was taken in hand.
    """
    place = draft.message_id.hex
    draft.sheet = replace(draft.sheet, size=draft.size)
    excerpt = one_line(text[: 4 * EXCERPT_CHARACTERS])[:EXCERPT_CHARACTERS]
    message = await session.get(Message, draft.message_id, with_for_update=True)
    if draft.loaded is None:
        if message is not None:
            raise Changed
        message = Message(
            id=draft.message_id,
            kind=MessageKind.DRAFT,
            reference=new_reference(),
            expires_at=draft.expires_at,
            answers_id=draft.answers_id,
        )
        session.add(message)
    elif message is None or message.kind is not MessageKind.DRAFT or message.sheet != draft.loaded:
        raise Changed
    message.received_at = now
    message.size = draft.size
    message.files = len(draft.files)
    message.sheet = seal(draft.sheet_key, context(place, "sheet"), draft.sheet.to_bytes())
    message.sheet_signature = own_proof(ring, message)
    message.excerpt = seal(draft.content_key, context(place, "excerpt"), excerpt.encode())
    try:
        await session.flush()
    except IntegrityError as exc:  # the same form, sent twice at once, on a database that lets both begin
        raise Changed from exc
    await _store_rows(session, draft, recipient_id, public_key, now)
    draft.loaded = message.sheet
    return message


async def forget(store: Blobs, draft: Draft) -> None:
    """Delete the blobs that no row names."""
    for key in draft.fresh:
        await store.delete(key)
    draft.fresh = []


async def discard(session: AsyncSession, draft: Draft, recipient_id: uuid.UUID) -> list[str]:
    """Delete a draft's rows, its keys with them; return the keys of the blobs to delete after the commit.

    Raises Changed where it is no draft any more.
    """
    message = await session.get(Message, draft.message_id, with_for_update=True)
    if message is None or message.kind is not MessageKind.DRAFT:
        raise Changed
    keys = list(await session.scalars(select(Blob.key).where(Blob.message_id == draft.message_id)))
    await session.execute(delete(Blob).where(Blob.message_id == draft.message_id))
    await session.execute(
        delete(Delivery).where(Delivery.message_id == draft.message_id, Delivery.recipient_id == recipient_id)
    )
    await session.execute(delete(Message).where(Message.id == draft.message_id))
    return keys


async def _store_rows(
    session: AsyncSession, draft: Draft, recipient_id: uuid.UUID, public_key: bytes, now: datetime
) -> None:
    delivery = await session.get(Delivery, draft.delivery_id)
    if delivery is None:
        sealed = seal_keys_to_recipient(public_key, draft.message_id.hex, draft.content_key, draft.sheet_key)
        delivery = Delivery(
            id=draft.delivery_id,
            message_id=draft.message_id,
            recipient_id=recipient_id,
            envelope=Envelope.OWN,
            keys=sealed,
            folder=Folder.DRAFTS,
            expires_at=draft.expires_at,
            read_at=now,
        )
        session.add(delivery)
    delivery.folder = Folder.DRAFTS  # one that is worked on again leaves Deleted
    delivery.received_at = now
    keys = {stored.key for stored in draft.blobs.values()}
    await session.execute(delete(Blob).where(Blob.message_id == draft.message_id, Blob.key.not_in(keys)))
    known = set(await session.scalars(select(Blob.key).where(Blob.message_id == draft.message_id)))
    session.add_all(
        Blob(
            message_id=draft.message_id,
            name=name,
            key=stored.key,
            sealed_bytes=stored.sealed_bytes,
            created_at=now,
        )
        for name, stored in draft.blobs.items()
        if stored.key not in known
    )
    await session.flush()


async def _put(store: Blobs, draft: Draft, blob: str, pieces: AsyncIterator[bytes], room: int) -> tuple[int, str]:
    """Seal into a new blob of the store; return clear length and digest. Raises TooBig."""
    sealer = Sealer(draft.content_key, context(draft.message_id.hex, blob))
    digest = hashlib.sha256()
    size = 0

    async def sealed() -> AsyncIterator[bytes]:
        nonlocal size
        async for piece in pieces:
            size += len(piece)
            if size > room:
                raise TooBig(size - room)
            digest.update(piece)
            if out := sealer.update(piece):
                yield out
        yield sealer.finalize()

    key = store.new_key()
    length = await store.put(key, sealed())
    draft.fresh.append(key)
    draft.blobs[blob] = Stored(key, length)
    return size, digest.hexdigest()
