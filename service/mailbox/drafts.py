"""A draft in hand: written on the portal, sealed as it streams in, kept until it is sent, discarded or over.

Blobs are written first, rows last and all at once (`draft_rows`), so that a draft is whole or as it was. What a broken
request left in the store is deleted, and by a crash only sealed bytes without a key are left.
"""

import hashlib
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

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
BODY, BODY_HTML = "body", "body-html"
TEXT, BOTH, HTML, FIRST_FILE = 1, 2, 3, 4
"""Numbers of parts."""
IDENTITY = "identity"
FORWARD = "forward"
"""Note in the sheet of what passes a mail on, instead of answering it."""
NEW = "new"
"""Note in the sheet of what answers nothing."""
WINDOW = "window-"
"""Beginning of the note which says whose window wrote the words last."""


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
    answers_id: uuid.UUID | None
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
    def body_size(self) -> int:
        return self.size - self.files_size

    @property
    def is_forward(self) -> bool:
        return FORWARD in self.sheet.notes

    @property
    def is_rich(self) -> bool:
        return BODY_HTML in self.blobs

    @property
    def base(self) -> str:
        """What changes with the words and not with the files: a window knows by it whether another wrote meanwhile."""
        sheet = self.sheet
        bodies = [part.sha256 for part in sheet.parts if part.blob in {BODY, BODY_HTML}]
        people = [[[one.name, one.address] for one in who] for who in (sheet.to, sheet.cc)]
        told = json.dumps([people, sheet.subject, bodies])
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def window(self) -> str:
        return next((note.removeprefix(WINDOW) for note in self.sheet.notes if note.startswith(WINDOW)), "")

    def written_in(self, window: str) -> None:
        """Note whose window wrote the words that stand there now."""
        kept = tuple(note for note in self.sheet.notes if not note.startswith(WINDOW))
        self.sheet = replace(self.sheet, notes=(*kept, WINDOW + window[:32]) if window else kept)


def draft_id(recipient_id: uuid.UUID, nonce: str) -> uuid.UUID:
    """Return the message id that a form's nonce stands for: one form makes one message, however often it is sent."""
    digest = hashlib.sha256(b"safemail/v1/draft\0" + recipient_id.bytes + nonce.encode("utf-8", "replace"))
    return uuid.UUID(bytes=digest.digest()[:16], version=4)


def begin(message_id: uuid.UUID, original: Opened, writer: Person, now: datetime, *, is_forward: bool = False) -> Draft:
    """Take a new draft in hand, of an answer or of what passes a mail on; nothing is stored yet."""
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
    return _fresh(message_id, fresh, original.delivery.expires_at, original.message.id)


def begin_new(message_id: uuid.UUID, writer: Person, now: datetime, life: timedelta) -> Draft:
    """Take a draft in hand that answers nothing; it lives as long as a message does."""
    return _fresh(message_id, Sheet(subject="", sender=writer, sent_at=now, notes=(NEW,)), now + life, None)


def _fresh(message_id: uuid.UUID, sheet: Sheet, expires_at: datetime, answers_id: uuid.UUID | None) -> Draft:
    return Draft(message_id, uuid.uuid4(), new_data_key(), new_data_key(), sheet, expires_at, answers_id)


def resume(opened: Opened, rows: Mapping[str, Stored]) -> Draft:
    """Take a stored draft in hand. Raises Changed where it is none any more."""
    message = opened.message
    if message.kind is not MessageKind.DRAFT:
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
    blob = f"file-{secrets.token_hex(8)}"  # two may come up at once
    size, digest = await _put(store, draft, blob, pieces, room)
    part = Part(0, None, Role.ATTACHMENT, type_, name, blob, 0, size, IDENTITY, size, digest)
    return _name_file(draft, part)


def move_file(part: Part, from_: Draft, to: Draft) -> Part:
    """Put a sealed file of a draft into the same draft as it stands meanwhile. Raises TooManyFiles."""
    if len(to.files) >= FILES_MOST:
        raise TooManyFiles
    to.blobs[part.blob] = from_.blobs[part.blob]
    return _name_file(to, part)


def _name_file(draft: Draft, part: Part) -> Part:
    number = max([FIRST_FILE - 1, *(other.number for other in draft.sheet.parts)]) + 1
    name = safe_name(part.name, part.type, len(draft.files) + 1)
    part = replace(part, number=number, name=unique_names([*(other.name for other in draft.files), name])[-1])
    draft.sheet = replace(draft.sheet, parts=(*draft.sheet.parts, part))
    return part


async def set_body(store: Blobs, draft: Draft, text: str, html: str | None = None) -> None:
    """Seal what was typed, instead of what stood there: its words, and beside them its markup where it has one."""
    for blob in (BODY, BODY_HTML):
        if blob in draft.blobs:
            draft.stale.append(draft.blobs.pop(blob).key)
    parent = None if html is None else BOTH
    parts = [await _body_part(store, draft, TEXT, parent, text.replace("\r\n", "\n"))]
    if html is not None:
        both = Part(BOTH, None, Role.CONTAINER, "multipart/alternative", "", "", 0, 0, IDENTITY, 0, "")
        parts = [both, *parts, await _body_part(store, draft, HTML, parent, html)]
    draft.sheet = replace(draft.sheet, parts=(*parts, *draft.files))


async def _body_part(store: Blobs, draft: Draft, number: int, parent: int | None, text: str) -> Part:
    encoded = text.encode("utf-8", "replace")

    async def once() -> AsyncIterator[bytes]:
        yield encoded

    is_html = number == HTML
    role, type_ = (Role.BODY_HTML, "text/html") if is_html else (Role.BODY_TEXT, "text/plain")
    blob = BODY_HTML if is_html else BODY
    size, digest = await _put(store, draft, blob, once(), len(encoded))
    return Part(number, parent, role, type_, "", blob, 0, size, IDENTITY, size, digest, charset="utf-8")


def remove_file(draft: Draft, number: int) -> bool:
    """Take a file out; say whether it was there."""
    part = next((part for part in draft.files if part.number == number), None)
    if part is None:
        return False
    draft.stale.append(draft.blobs.pop(part.blob).key)
    draft.sheet = replace(draft.sheet, parts=tuple(other for other in draft.sheet.parts if other is not part))
    return True


async def read_typed(store: Blobs, draft: Draft) -> tuple[str, str | None]:
    """Read what was typed: its words, and its markup where it has one."""
    return await _read(store, draft, BODY) or "", await _read(store, draft, BODY_HTML)


async def _read(store: Blobs, draft: Draft, blob: str) -> str | None:
    part = next((part for part in draft.sheet.parts if part.blob == blob), None)
    if part is None:
        return None
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
