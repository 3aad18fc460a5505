"""States and kinds, in the order of the mail's way. Branch on these, never on strings."""

from enum import StrEnum


class Arrival(StrEnum):
    """What became of one item seen in an intake mailbox."""

    SEEN = "seen"
    """Listed by a delta round; not looked at yet."""
    SEALED = "sealed"
    """A new message was stored for it."""
    JOINED = "joined"
    """A copy of a message we hold: it added missing recipients and nothing else."""
    REFUSED = "refused"
    """Its stamp, its authentication or its From failed: no notice, no receipt."""
    RETURNED = "returned"
    """Not secured, and the sender was told why (too big, nobody outside)."""
    GONE = "gone"
    """It left the mailbox before it could be pulled (somebody else moved or deleted it)."""


class MessageKind(StrEnum):
    RECEIVED = "received"
    """A staff mail, sealed at intake."""
    DRAFT = "draft"
    """A recipient is still writing it on the portal."""
    REPLY = "reply"
    """A recipient sent it from the portal to staff."""


class Bcc(StrEnum):
    """How far the recovery of blind copies is."""

    KNOWN = "known"
    WAITING = "waiting"
    UNREADABLE = "unreadable"


class Envelope(StrEnum):
    """How a recipient was addressed."""

    TO = "to"
    CC = "cc"
    BCC = "bcc"
    OWN = "own"
    """The writer's own copy of a reply or draft."""


class Folder(StrEnum):
    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    DELETED = "deleted"


class AccountState(StrEnum):
    ACTIVE = "active"
    LOCKED = "locked"
    DISABLED = "disabled"


class Lane(StrEnum):
    """Lanes of the outbox, most urgent first; no lane waits for another."""

    CODES = "codes"
    REPLIES = "replies"
    NOTICES = "notices"
    RECEIPTS = "receipts"


class Letter(StrEnum):
    """Every mail that we send through Graph."""

    CODE = "code"
    NOTICE = "notice"
    RECEIPT_SECURED = "receipt_secured"
    RECEIPT_READ = "receipt_read"
    RECEIPT_NOT_DELIVERED = "receipt_not_delivered"
    REPLY = "reply"
    ACCOUNT = "account"
    """Account letters: hint, reset, warnings; the payload names which."""


class AccountLetter(StrEnum):
    """What an account letter is about."""

    HINT = "hint"
    RESET = "reset"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a name
    LOCKED = "locked"


LANE_OF = {
    Letter.CODE: Lane.CODES,
    Letter.ACCOUNT: Lane.CODES,
    Letter.REPLY: Lane.REPLIES,
    Letter.NOTICE: Lane.NOTICES,
    Letter.RECEIPT_SECURED: Lane.RECEIPTS,
    Letter.RECEIPT_READ: Lane.RECEIPTS,
    Letter.RECEIPT_NOT_DELIVERED: Lane.RECEIPTS,
}


class Outgoing(StrEnum):
    """One outbox row's way: a draft first, so that a crash never sends twice."""

    PENDING = "pending"
    DRAFTING = "drafting"
    """The draft may or may not exist at Graph; found again by its Message-ID."""
    DRAFTED = "drafted"
    """The draft's id is stored; attachments may still be missing."""
    COMPLETE = "complete"
    """All attachments were read back from the draft."""
    SENDING = "sending"
    """Send was called; the answer is not stored yet."""
    SENT = "sent"
    FAILED = "failed"
    UNSURE = "unsure"
    """Neither the draft's place nor Sent Items could say; a person decides, we never resend."""


class NotDelivered(StrEnum):
    """Why a sender is told that a mail was not secured, or not for everyone."""

    TOO_BIG = "too_big"
    NOBODY_OUTSIDE = "nobody_outside"
    BCC_UNREADABLE = "bcc_unreadable"
    BOUNCED = "bounced"
