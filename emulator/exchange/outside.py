"""The rest of the internet: what strangers received, exactly."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OutsideMail:
    """One mail as it came over SMTP."""

    mime: bytes
    received: datetime
    envelope_from: str


@dataclass(slots=True)
class OutsideMailbox:
    """Somebody's mailbox somewhere."""

    address: str
    mails: list[OutsideMail] = field(default_factory=list)
    refuses: bool = False
    """Whether its server refuses all mail."""
