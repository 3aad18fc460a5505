"""What is known of an item before and beside its own words."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from service.core.addresses import InsideDomains
from service.core.sheet import Person
from service.mime.index import Mail
from service.vault.types import DataKey


@dataclass(frozen=True, slots=True)
class Facts:
    """Exchange's word on an item: it counts more than the mail's own."""

    received_at: datetime
    internet_message_id: str
    from_: Person | None
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    trace_id: str = ""
    """Of the mail, not of its copy: equal to `id` in the rows of the message trace (docs/assumptions.md)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that intake obeys."""

    inside: InsideDomains
    retention: timedelta
    longest: int
    """Decoded bytes of body and attachments."""
    bcc_is_traced: bool
    own: frozenset[str] = frozenset()
    """Our own mailboxes: never told of as recipients."""
    remind_unread: timedelta = timedelta()
    """How long after its notice a message that lies unread is named again; zero: never."""
    remind_ending: timedelta = timedelta()
    """How long before its end; zero: never."""


@dataclass(frozen=True, slots=True)
class SealedMail:
    """A mail that lies sealed in the blob store, not yet known to the database."""

    mail: Mail = field(repr=False)
    content_key: DataKey = field(repr=False)
    sheet_key: DataKey = field(repr=False)
    blob_key: str
    sealed_bytes: int
