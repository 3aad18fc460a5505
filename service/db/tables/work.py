"""Work to be done and who does it: outbox, leases, subscriptions, cursors; limits on rates; the audit log."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.core.states import Lane, Letter, Outgoing
from service.db.tables.columns import EnumText, Key, Model


class Outbox(Model):
    """A mail to be sent through Graph, exactly once."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("once"),
        Index("ix_outbox_work", "lane", "state", "due_at"),
    )

    id: Mapped[Key]
    """Also the left side of the mail's Message-ID."""
    lane: Mapped[Lane] = mapped_column(EnumText(Lane))
    letter: Mapped[Letter] = mapped_column(EnumText(Letter))
    once: Mapped[str] = mapped_column(String(96))
    """What makes a second row for the same event impossible: `notice/<delivery id>`, `read/<delivery id>` …"""
    message_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    delivery_id: Mapped[uuid.UUID | None]
    recipient_id: Mapped[uuid.UUID | None]
    payload: Mapped[bytes | None]
    """JSON of the few fields that the letter needs, boxed to the mailer (place `outbox/<id>`); shredded when sent."""
    state: Mapped[Outgoing] = mapped_column(EnumText(Outgoing), default=Outgoing.PENDING)
    mailer: Mapped[str] = mapped_column(String(254), default="")
    """The mailer mailbox that took it on."""
    draft_id: Mapped[str] = mapped_column(String(512), default="")
    attached: Mapped[int] = mapped_column(default=0)
    """Attachments known to be on the draft."""
    error: Mapped[str] = mapped_column(String(64), default="")
    """Graph's error code, nothing else."""
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    cleaned_at: Mapped[datetime | None]
    """When the copy in Sent Items was deleted."""


class Lease(Model):
    """Who does a job that only one may do, until when. The generation rises with each owner."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(96), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]
    generation: Mapped[int] = mapped_column(default=0)


class Subscription(Model):
    """A Graph subscription to one folder of one intake mailbox, and its wake-up."""

    __tablename__ = "subscriptions"

    id: Mapped[Key]
    mailbox: Mapped[str] = mapped_column(String(254))
    folder: Mapped[str] = mapped_column(String(32))
    graph_id: Mapped[str] = mapped_column(String(128), default="", index=True)
    client_state_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    pending_until: Mapped[datetime | None]
    """A handshake is answered only while a create is pending."""
    expires_at: Mapped[datetime | None]
    wakes: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), default=0)
    """Raised by each notification; one row, however many come."""
    woken_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("mailbox", "folder"),)


class Cursor(Model):
    """Where the delta query of one folder stands; stored in the same transaction as the ids of its page."""

    __tablename__ = "cursors"

    mailbox: Mapped[str] = mapped_column(String(254), primary_key=True)
    folder: Mapped[str] = mapped_column(String(32), primary_key=True)
    link: Mapped[str] = mapped_column(default="")
    """nextLink or deltaLink, followed as it is; empty: start over."""
    wakes: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), default=0)
    """Wake-ups that the last finished round had seen."""
    done_at: Mapped[datetime | None]


class Rate(Model):
    """A limit on a rate (GCRA): the theoretical arrival time of the next request, in seconds since 1970."""

    __tablename__ = "rates"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """HMAC of what is limited; never the address itself."""
    tat: Mapped[float]


class AuditEntry(Model):
    """What happened to a message or an account, by ids only."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(96))
    verb: Mapped[str] = mapped_column(String(48))
    object_id: Mapped[str] = mapped_column(String(64), index=True)
    detail: Mapped[str] = mapped_column(String(200), default="")
