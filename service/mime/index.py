"""The index of a mail: made in one pass while the mail streams by, in bounded memory, from any chunks the same."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from service.core.sheet import Part, Person
from service.mime.addresses import read_addresses
from service.mime.excerpt import cut_text
from service.mime.headers import field_names, raw_values
from service.mime.leaves import Gatherer, Leaf
from service.mime.limits import ADDRESSES, EXCERPT_BYTES, TOP_HEADER_BYTES
from service.mime.notes import Note
from service.mime.parts import make_parts
from service.mime.roles import view
from service.mime.scanner import Scanner
from service.mime.thread import is_automatic, read_date, read_message_id, read_references, read_subject

_PGP = "-----BEGIN PGP MESSAGE-----"
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SINGLE = ("from", "subject", "message-id", "mime-version", "date")
_TYPE_NOTES = {
    "message/partial": Note.PARTIAL,
    "message/external-body": Note.EXTERNAL,
    "application/ms-tnef": Note.TNEF,
    "application/vnd.ms-tnef": Note.TNEF,
    "text/calendar": Note.MEETING,
    "multipart/signed": Note.SIGNED,
    "multipart/encrypted": Note.ENCRYPTED,
    "application/x-microsoft-rpmsg-message": Note.ENCRYPTED,
}
_MAIL_NOTES = frozenset({Note.CUT_SHORT, Note.REPEATED_HEADER, Note.TOO_DEEP, Note.TOO_MANY_PARTS})


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says about itself. Only a claim: who sent it and to whom is for Graph to say."""

    subject: str
    from_: tuple[Person, ...]
    sender: Person | None
    reply_to: tuple[Person, ...]
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    message_id: str
    references: tuple[str, ...]
    date: datetime | None
    automatic: bool
    parts: tuple[Part, ...]
    text: str
    """Plain words of the shown body, for the excerpt and the search."""
    size: int
    """Decoded bytes of all leaves."""
    length: int
    """Bytes fed."""
    notes: tuple[str, ...]
    content_digest: bytes
    """SHA-256 over type and digest of each leaf in order: the same for two copies whose headers differ."""
    encrypted: bool


class MailIndexer:
    """Push a mail in, get its index; `blob` names the blob that holds these very bytes."""

    def __init__(self, blob: str = "source", now: datetime | None = None) -> None:
        self._blob = blob
        self._now = now
        self._scanner = Scanner()
        self._gatherer = Gatherer()
        self._length = 0

    def feed(self, chunk: bytes) -> None:
        self._length += len(chunk)
        self._gatherer.take(self._scanner.feed(chunk))

    def close(self) -> Mail:
        self._gatherer.take(self._scanner.close())
        block = self._scanner.header
        leaves = self._gatherer.leaves
        parts = make_parts(leaves, self._blob)
        counted = [leaf for leaf in leaves if leaf.is_counted]
        text = _shown_text(leaves, parts)
        notes = _notes(block, leaves, text)
        senders = _people(block, "sender")
        return Mail(
            subject=read_subject(block),
            from_=_people(block, "from"),
            sender=senders[0] if senders else None,
            reply_to=_people(block, "reply-to"),
            to=_people(block, "to"),
            cc=_people(block, "cc"),
            message_id=read_message_id(block),
            references=read_references(block),
            date=read_date(block, self._now),
            automatic=is_automatic(block),
            parts=parts,
            text=text,
            size=sum(leaf.size for leaf in counted),
            length=self._length,
            notes=notes,
            content_digest=_digest(counted),
            encrypted=Note.ENCRYPTED in notes,
        )


def _people(block: bytes, name: str) -> tuple[Person, ...]:
    values = raw_values(block, name, TOP_HEADER_BYTES)  # two thousand people with their names are more than one value
    everybody = (person for value in values for person in read_addresses(value))
    return tuple(islice(everybody, ADDRESSES))


def _digest(leaves: Sequence[Leaf]) -> bytes:
    lines = "".join(f"{leaf.node.heading.type}\0{leaf.digest.hexdigest()}\n" for leaf in leaves)
    return hashlib.sha256(lines.encode()).digest()


def _shown_text(leaves: Sequence[Leaf], parts: Sequence[Part]) -> str:
    for plain in (True, False):
        texts: list[str] = []
        for part in view(parts, plain=plain):
            if text := leaves[part.number % len(leaves)].plain_text().strip():
                texts.append(text)
            if sum(map(len, texts)) > EXCERPT_BYTES:
                break
        if texts:
            return cut_text("\n".join(texts))
    return ""


def _notes(block: bytes, leaves: Sequence[Leaf], text: str) -> tuple[str, ...]:
    notes: list[Note] = []
    names = field_names(block)
    if any(names.count(name) > 1 for name in _SINGLE):
        notes.append(Note.REPEATED_HEADER)
    for leaf in leaves:
        notes += [Note(note) for note in leaf.node.notes if note in _MAIL_NOTES]
        if note := _TYPE_NOTES.get(leaf.node.heading.type):
            notes.append(note)
    root = leaves[0].node.heading
    if root.type in _SMIME or text.lstrip().startswith(_PGP):
        notes.append(Note.ENCRYPTED)
    if Note.HEADER_TOO_LONG in leaves[0].node.notes:
        notes.append(Note.HEADER_TOO_LONG)
    return tuple(dict.fromkeys(str(note) for note in notes))
