"""What the templates show of an opened delivery: words and flags, nothing to decide."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from service.core.sheet import Part, Person, Role, Sheet
from service.core.states import Envelope, Folder, MessageKind
from service.core.tag import TAG
from service.db.tables import Delivery
from service.errors import Broken
from service.mailbox.opening import Opened, open_delivery
from service.mailbox.order import is_unread
from service.mime.limits import TEXT_BYTES
from service.mime.names import safe_name
from service.mime.notes import DAMAGED, Note
from service.portal.mailbox.files import icon_of, is_program, kind_of, may_be_picture
from service.vault.people import RecipientKey
from service.vault.ring import KeyRing

_log = structlog.get_logger()
_FOLDER_ICONS = {Folder.INBOX: "inbox", Folder.SENT: "send", Folder.DRAFTS: "draft", Folder.DELETED: "delete"}


Pieces = tuple[tuple[str, bool], ...]
"""A text in pieces; those that a search found are marked."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search shows of a row instead of the plain texts."""

    name: Pieces
    address: Pieces
    subject: Pieces
    text: Pieces
    files: Pieces
    """Names of files, where a word was found in one."""
    folder: Folder
    own: str = ""
    """Name of the reader's own folder."""

    @property
    def folder_icon(self) -> str:
        return "folder" if self.own else _FOLDER_ICONS[self.folder]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list."""

    id: str
    is_new: bool
    is_answered: bool
    is_forwarded: bool
    is_draft: bool
    people: tuple[Person, ...]
    """Sender, or recipients in Sent and Drafts."""
    subject: Pieces
    """Pieces of the subject; the tag's are marked."""
    subject_text: str
    excerpt: str
    files: int
    size: int
    received_at: datetime
    expires_at: datetime
    is_broken: bool = False
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class File:
    """One file of a message."""

    number: int
    name: str
    kind: str
    icon: str
    size: int
    is_damaged: bool
    is_program: bool
    in_text: bool

    @property
    def is_picture(self) -> bool:
        """It may be looked at; whether it is what its name says is seen then."""
        return may_be_picture(self.name, self.size)


def split_subject(subject: str) -> tuple[tuple[str, bool], ...]:
    """Cut a subject so that the tag can be shown in soft ink."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for found in TAG.finditer(subject):
        pieces += [(subject[at : found.start()], False), (found[0], True)]
        at = found.end()
    pieces.append((subject[at:], False))
    return tuple(piece for piece in pieces if piece[0])


def make_rows(ring: KeyRing, key: RecipientKey, deliveries: Iterable[Delivery]) -> list[Row]:
    """Open the sheets of one page; one that does not open is shown as such and hides no other."""
    return [_row(ring, key, delivery) for delivery in deliveries]


def list_files(sheet: Sheet) -> tuple[list[File], list[File]]:
    """Return the files to show, and those folded away: other readings of the text, parts for other programs."""
    shown = [_file(part) for part in sheet.parts if is_file(part)]
    hidden = [_file(part) for part in sheet.parts if part.role is Role.HIDDEN]
    return shown, hidden


def carried(sheet: Sheet) -> tuple[Part, ...]:
    """Return the parts that go along when a mail is passed on: what its page lists as files."""
    return tuple(part for part in sheet.parts if is_file(part))


def find_file(sheet: Sheet, number: int) -> Part | None:
    """Return a part that may be downloaded."""
    return next(
        (part for part in sheet.parts if part.number == number and (is_file(part) or part.role is Role.HIDDEN)), None
    )


def file_name(part: Part) -> str:
    return part.name or safe_name("", part.type, part.number)


def notes_of(sheet: Sheet) -> frozenset[str]:
    """Return the remarks on the mail and on its shown text; those on a file stand beside the file."""
    bodies = (part for part in sheet.parts if part.role in {Role.BODY_HTML, Role.BODY_TEXT, Role.CONTAINER})
    return frozenset(sheet.notes) | frozenset(note for part in bodies for note in part.notes)


def initials(person: Person) -> str:
    """Return one or two letters for the disc."""
    words = [word for word in (person.name or person.address).split() if word[:1].isalnum()]
    letters = words[0][:1] + (words[-1][:1] if len(words) > 1 else "") if words else "?"
    return letters.upper()


def others(sheet: Sheet, me: str) -> Sequence[Person]:
    """Return the other recipients that the sheet names."""
    return [person for person in (*sheet.to, *sheet.cc) if person.address.casefold() != me.casefold()]


def is_file(part: Part) -> bool:
    is_long_text = part.role in {Role.BODY_HTML, Role.BODY_TEXT} and (
        part.size > TEXT_BYTES or Note.TEXT_TOO_LONG in part.notes
    )
    return part.role in {Role.ATTACHMENT, Role.INLINE} or is_long_text


def _file(part: Part) -> File:
    name = file_name(part)
    return File(
        part.number,
        name,
        kind_of(name),
        icon_of(name),
        part.size,
        bool(DAMAGED.intersection(part.notes)),
        is_program(name),
        part.role is Role.INLINE,
    )


def _row(ring: KeyRing, key: RecipientKey, delivery: Delivery) -> Row:
    try:
        opened = open_delivery(ring, key, delivery)
        return row_of(opened, opened.excerpt)
    except Broken:
        _log.error("delivery does not open", delivery=delivery.id.hex, exc_info=False)
        return _broken(delivery)


def row_of(opened: Opened, excerpt: str, found: Found | None = None) -> Row:
    """Return the line of an opened delivery."""
    delivery, sheet = opened.delivery, opened.sheet
    is_own = opened.message.kind is not MessageKind.RECEIVED
    return Row(
        delivery.id.hex,
        is_unread(delivery) and delivery.envelope is not Envelope.OWN,
        delivery.answered_at is not None,
        delivery.forwarded_at is not None,
        opened.message.kind is MessageKind.DRAFT,
        sheet.to if is_own else (sheet.sender,),
        split_subject(sheet.subject),
        sheet.subject,
        excerpt,
        opened.message.files,
        opened.message.size,
        delivery.received_at,
        delivery.expires_at,
        found=found,
    )


def _broken(delivery: Delivery) -> Row:
    return Row(
        delivery.id.hex,
        is_new=False,
        is_answered=False,
        is_forwarded=False,
        is_draft=False,
        people=(),
        subject=(),
        subject_text="",
        excerpt="",
        files=0,
        size=0,
        received_at=delivery.received_at,
        expires_at=delivery.expires_at,
        is_broken=True,
    )


def read_id(text: str) -> uuid.UUID | None:
    """Read the id in an address as we write it: 32 hex digits."""
    if len(text) != 32 or not set(text) <= set("0123456789abcdef"):
        return None
    return uuid.UUID(text)
