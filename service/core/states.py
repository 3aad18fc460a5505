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
    """Switched off after long inactivity; a new message opens it again."""
    GUEST = "guest"
    """Has no password: reads with a mailed code, where the agency allows it."""


class Step(StrEnum):
    """What a browser is asked next."""

    SECOND_FACTOR = "second_factor"
    PASSKEY_SIGN_IN = "passkey_sign_in"
    PASSKEY_ADD = "passkey_add"
    AUTHENTICATOR_ADD = "authenticator_add"


class HandedOver(StrEnum):
    """How far a reply is with one addressee."""

    WAITING = "waiting"
    SENT = "sent"
    """Exchange took it; whether it lies in the mailbox is not known."""
    DELIVERED = "delivered"
    """Exchange's trace says that it lies in the mailbox."""
    RETURNED = "returned"
    FAILED = "failed"
    """Exchange did not take it, or nobody can say."""


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
    REMINDER = "reminder"
    """Queued with its notice, to go when the message still lies unread."""
    RECEIPT_SECURED = "receipt_secured"
    RECEIPT_READ = "receipt_read"
    RECEIPT_NOT_DELIVERED = "receipt_not_delivered"
    RECEIPT_EXPIRED = "receipt_expired"
    REPLY = "reply"
    ANSWER = "answer"
    """To a person who answered a letter by mail, where nobody reads it."""
    ACCOUNT = "account"
    """Account letters: hint, reset, warnings; the payload names which."""


class AccountLetter(StrEnum):
    """What an account letter is about."""

    HINT = "hint"
    RESET = "reset"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a name
    LOCKED = "locked"
    NEW_DEVICE = "new_device"
    NEW_DEVICE_OFF = "new_device_off"
    """Its owner wants no such letter from now on."""
    HINT_CHANGED = "hint_changed"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    ENDING_SOON = "ending_soon"
    """Will be switched off for inactivity."""
    DISABLED = "disabled"
    REPLY_RETURNED = "reply_returned"
    CLOSED = "closed"


LANE_OF = {
    Letter.CODE: Lane.CODES,
    Letter.ACCOUNT: Lane.CODES,
    Letter.REPLY: Lane.REPLIES,
    Letter.NOTICE: Lane.NOTICES,
    Letter.REMINDER: Lane.NOTICES,
    Letter.RECEIPT_SECURED: Lane.RECEIPTS,
    Letter.RECEIPT_READ: Lane.RECEIPTS,
    Letter.RECEIPT_NOT_DELIVERED: Lane.RECEIPTS,
    Letter.RECEIPT_EXPIRED: Lane.RECEIPTS,
    Letter.ANSWER: Lane.RECEIPTS,
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
    NOT_NEEDED = "not_needed"
    """What it was to tell is no longer so; it was never drafted."""
    UNSURE = "unsure"
    """Neither the draft's place nor Sent Items could say; a person decides, we never resend."""


class NotDelivered(StrEnum):
    """Why a sender is told that a mail was not secured, or not for everyone."""

    TOO_BIG = "too_big"
    NOBODY_OUTSIDE = "nobody_outside"
    BCC_UNREADABLE = "bcc_unreadable"
    BOUNCED = "bounced"
