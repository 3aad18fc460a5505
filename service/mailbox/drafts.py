"""A draft in hand: written on the portal, sealed as it streams in, kept until it is sent, discarded or over.

Blobs are written first, rows last and all at once (`draft_rows`), so that a draft is whole or as it was. What a broken
request left in the store is deleted, and by a crash only sealed bytes without a key are left.
"""

import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from service.blobs import Blobs
from service.core.limits import MEBIBYTE
from service.core.sheet import Part, Person, Role, Sheet
from service.core.states import MessageKind
from service.errors import Refused, TooBig
from service.mailbox.opening import Content, Opened
from service.mime.names import safe_name, unique_names
from service.vault.stream import Sealer, context, new_data_key
from service.vault.types import DataKey

FILES_MOST = 100
TEXT_LONGEST = MEBIBYTE
"""Bytes of what is typed."""
SUBJECT_CHARACTERS = 400
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


async def forget(store: Blobs, draft: Draft) -> None:
    """Delete the blobs that no row names."""
    for key in draft.fresh:
        await store.delete(key)
    draft.fresh = []


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
