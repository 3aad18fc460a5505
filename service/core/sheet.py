"""The sheet: the small summary of a message that lists, receipts and pages are made from.

It is sealed apart from the content, so that `sync` can write receipts without being able to open the mail.
A sheet never names a blind copy: every recipient can open it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

VERSION = 1


class Role(StrEnum):
    """What a part is to its reader."""

    BODY_HTML = "body-html"
    BODY_TEXT = "body-text"
    INLINE = "inline"
    ATTACHMENT = "attachment"
    HIDDEN = "hidden"
    CONTAINER = "container"
    """A multipart node: it has children and no bytes of its own."""


@dataclass(frozen=True, slots=True)
class Person:
    """A name, possibly empty, and an address as it was spelt."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Part:
    """A place in a blob of the message."""

    number: int
    parent: int | None
    role: Role
    type: str
    """`type/subtype`, lower case."""
    name: str
    """Safe to show and to save as; empty for bodies and containers."""
    blob: str
    """Name of the blob in the message: `source`, `body`, `body-html`, `file-…`."""
    offset: int
    """First byte of the encoded part in the blob's clear text."""
    length: int
    """Encoded bytes."""
    encoding: str
    """`identity`, `base64`, `quoted-printable` or `x-uuencode`."""
    size: int
    """Decoded bytes."""
    sha256: str
    """Hex digest of the decoded bytes."""
    charset: str = ""
    cid: str = ""
    """Content-ID without brackets."""
    raw_name: str = ""
    """The name as the sender wrote it, where it differs from `name`."""
    notes: tuple[str, ...] = ()
    """Keys of remarks for the reader, such as `damaged-base64`."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Summary of one message. Times are aware UTC."""

    subject: str
    sender: Person
    sent_at: datetime
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    reply_to: tuple[Person, ...] = ()
    message_id: str = ""
    """With its angle brackets, as it came."""
    references: tuple[str, ...] = ()
    """Ids of the thread, oldest first, each with its angle brackets."""
    parts: tuple[Part, ...] = ()
    size: int = 0
    """Decoded bytes of body and attachments."""
    source_length: int = 0
    """Bytes of the blob `source` in clear; 0 for what was written on the portal."""
    automatic: bool = False
    """Sent by a program: never answered by one of ours."""
    notes: tuple[str, ...] = ()
    answers: str = ""
    """Id of the message that this one answers, for replies."""
    trace_id: str = ""
    """Exchange's own id of the mail, by which its message trace is found; names nobody."""

    @property
    def attachments(self) -> tuple[Part, ...]:
        """The files a reader can download, pictures in the text included."""
        return tuple(part for part in self.parts if part.role in (Role.ATTACHMENT, Role.INLINE))

    def to_bytes(self) -> bytes:
        """Write the sheet as JSON, ready to be sealed."""
        return json.dumps({"v": VERSION, **asdict(self)}, default=_plain, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, opened: bytes) -> "Sheet":
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: another version or another shape.
        """
        raw: dict[str, Any] = json.loads(opened)
        if raw.pop("v", None) != VERSION:
            raise ValueError("unknown version of a sheet")
        try:
            return cls(
                **{
                    **raw,
                    "sender": Person(**raw["sender"]),
                    "sent_at": datetime.fromisoformat(raw["sent_at"]).astimezone(UTC),
                    **{key: tuple(Person(**person) for person in raw[key]) for key in ("to", "cc", "reply_to")},
                    **{key: tuple(raw[key]) for key in ("references", "notes")},
                    "parts": tuple(_part(part) for part in raw["parts"]),
                }
            )
        except (KeyError, TypeError) as exc:
            raise ValueError("not a sheet") from exc


def thread_root(references: Sequence[str], message_id: str) -> str:
    """Return the id that a thread began with; '' where a mail has none."""
    return references[0] if references else message_id


def _part(raw: Mapping[str, Any]) -> Part:
    return Part(**{**raw, "role": Role(raw["role"]), "notes": tuple(raw["notes"])})


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(type(value).__name__)
