"""Mail and whom it is for: recipients, messages, deliveries, blobs, arrivals."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.core.states import Arrival as ArrivalState
from service.core.states import Bcc, Envelope, Folder, HandedOver, MessageKind
from service.db.tables.columns import Digest, EnumText, Key, Model


class Recipient(Model):
    """One address outside, and the key pair that its mail is sealed to."""

    __tablename__ = "recipients"
    __table_args__ = (
        # a new holder of a recycled address starts with a new row
        Index(
            "uq_recipients_address_index_living",
            "address_index",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    address_index: Mapped[Digest]
    """HMAC of the normal form under the ring's index key."""
    address_self: Mapped[bytes]
    """The address as spelt, sealed to the recipient (place `address/<id>`)."""
    address_admin: Mapped[bytes]
    """The same in a box for the admin key (place `recipients/<id>`)."""
    address_mailer: Mapped[bytes]
    """The same in a box for the mailer key (place `recipients/<id>`): notices and account letters."""
    public_key: Mapped[bytes]
    private_wrapped: Mapped[bytes]
    wrapped_by: Mapped[str] = mapped_column(String(32))
    """Name of the portal key that wraps the private half."""
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    bound: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """vault.binding over id, address and public key: letters go to no other address than the one it was made for,
    and mail is sealed to no other key."""


class Message(Model):
    """Our sealed keeping of one mail, a draft or a reply."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_join", "message_id_index", "sender_index", "received_at"),
        Index("ix_messages_expires_at", "expires_at"),
        Index("ix_messages_thread_index", "thread_index"),
        Index("ix_messages_bcc", "bcc", "bcc_deadline"),
    )

    id: Mapped[Key]
    kind: Mapped[MessageKind] = mapped_column(EnumText(MessageKind))
    reference: Mapped[str] = mapped_column(String(8), unique=True)
    received_at: Mapped[datetime]
    """When Exchange received it, or when the portal sent it; drafts: when they were begun."""
    expires_at: Mapped[datetime]
    size: Mapped[int]
    """Decoded bytes of body and attachments."""
    files: Mapped[int] = mapped_column(default=0)
    sheet: Mapped[bytes]
    """core.sheet.Sheet, sealed under the sheet key (context: message id, `sheet`)."""
    sheet_signature: Mapped[bytes | None]
    """By `sync`, over id and sealed sheet; none on what the portal wrote."""
    excerpt: Mapped[bytes]
    """≤ 200 characters of the body, sealed under the content key (context: message id, `excerpt`)."""
    keys_mailer: Mapped[bytes | None]
    """Received: the sheet key, boxed to the mailer. Reply: content and sheet key. Shredded when no longer needed."""
    late_key: Mapped[bytes | None]
    """Received: the content key, boxed to the mailer (place `messages/<id>/late`), so that blind copies found later and
    recipients of a second copy can be given the message. Shredded after a day: intake keeps the mail longer anyway."""
    sender_box: Mapped[bytes | None]
    """The staff sender (JSON: name, address), boxed to the mailer: receipts go there."""
    bcc_box: Mapped[bytes | None]
    """Blind copies (JSON list of addresses), boxed to the mailer: only the sender's receipt names them."""
    sender_admin: Mapped[bytes | None]
    """The sender's address, boxed to the admin key."""
    message_id_index: Mapped[bytes | None]
    """HMAC of the Message-ID under the index key; with sender and content it finds copies of one mail."""
    thread_index: Mapped[bytes | None]
    """HMAC of the id that the thread began with, under the index key: what belongs together on the message page."""
    sender_index: Mapped[bytes | None]
    content_index: Mapped[bytes | None]
    """HMAC of the digest of body and attachments, and of Exchange's own id of the mail."""
    bcc: Mapped[Bcc] = mapped_column(EnumText(Bcc), default=Bcc.KNOWN)
    bcc_deadline: Mapped[datetime | None]
    """When the sender is told that they cannot be read; where they are known, when the trace is read once more."""
    answers_id: Mapped[uuid.UUID | None]
    """Message that this reply or draft answers."""

    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="message", lazy="raise")


class Delivery(Model):
    """One recipient's share of a message; the writer's own copy of a reply or draft is one too."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("message_id", "recipient_id"),
        # all that a list and its counts ask of a row stands in the index: the rows themselves lie far apart
        Index(
            "ix_deliveries_box",
            "recipient_id",
            "folder",
            "received_at",
            "id",
            "own_folder_id",
            "expires_at",
            "revoked_at",
            "read_at",
            "marked_read",
        ),
    )

    id: Mapped[Key]
    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    recipient_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("recipients.id", ondelete="CASCADE"))
    envelope: Mapped[Envelope] = mapped_column(EnumText(Envelope))
    keys: Mapped[bytes]
    """Content key and sheet key, sealed to the recipient (vault.people)."""
    token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    """SHA-256 of the link token in the notice; none on own copies."""
    folder: Mapped[Folder] = mapped_column(EnumText(Folder))
    own_folder_id: Mapped[uuid.UUID | None]
    """The reader's own folder that it lies in, unless `folder` is Deleted; it comes back to there."""
    received_at: Mapped[datetime]
    """Copy of the message's, for lists in order without a join."""
    expires_at: Mapped[datetime]
    """Copy of the message's: it is in every query."""
    read_at: Mapped[datetime | None]
    """First showing: what receipts and the help desk are told."""
    marked_read: Mapped[bool | None]
    """What the reader marked it as since its last showing; none: as `read_at` says."""
    notified_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    forwarded_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    message: Mapped[Message] = relationship(back_populates="deliveries", lazy="raise")
    recipient: Mapped[Recipient] = relationship(lazy="raise")


class OwnFolder(Model):
    """A folder that a reader made. It keeps nothing longer."""

    __tablename__ = "folders"
    __table_args__ = (UniqueConstraint("recipient_id", "name_index"),)

    id: Mapped[Key]
    recipient_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("recipients.id", ondelete="CASCADE"))
    name: Mapped[bytes]
    """Sealed to the recipient (place `folder/<id>`)."""
    name_index: Mapped[Digest]
    """HMAC of owner and name without regard to letter case, under the ring's index key."""
    created_at: Mapped[datetime]


class Handover(Model):
    """How far a reply is with one of those it was written to; what the writer is shown."""

    __tablename__ = "handovers"
    __table_args__ = (
        UniqueConstraint("message_id", "address_index"),
        Index("ix_handovers_state", "state", "changed_at"),
    )

    id: Mapped[Key]
    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    address_index: Mapped[Digest]
    """As of recipients: the address itself stands in the reply's sealed sheet."""
    state: Mapped[HandedOver] = mapped_column(EnumText(HandedOver))
    reason: Mapped[str] = mapped_column(String(32), default="")
    """Exchange's status code (RFC 3463), nothing else."""
    changed_at: Mapped[datetime]


class Blob(Model):
    """A sealed blob in the store; rows let retention find what to delete."""

    __tablename__ = "blobs"
    __table_args__ = (UniqueConstraint("message_id", "name"),)

    id: Mapped[Key]
    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("messages.id"), index=True)
    name: Mapped[str] = mapped_column(String(32))
    """As parts name it: `source`, `body`, `body-html`, `file-…`."""
    key: Mapped[str] = mapped_column(String(80), unique=True)
    """Key in the blob store."""
    sealed_bytes: Mapped[int]
    created_at: Mapped[datetime]


class Arrival(Model):
    """One item seen in an intake mailbox, and what became of it. None is let go without such a row."""

    __tablename__ = "arrivals"
    __table_args__ = (
        UniqueConstraint("mailbox", "graph_id"),
        Index("ix_arrivals_work", "state", "due_at"),
    )

    id: Mapped[Key]
    mailbox: Mapped[str] = mapped_column(String(254))
    """An intake mailbox of ours."""
    graph_id: Mapped[str] = mapped_column(String(512))
    """Immutable id."""
    state: Mapped[ArrivalState] = mapped_column(EnumText(ArrivalState))
    reason: Mapped[str] = mapped_column(String(64), default="")
    message_id: Mapped[uuid.UUID | None]
    seen_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]
    """When the item lay in its folder (Sealed, Refused); until then moving is repeated."""
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
