"""Accounts of recipients and how they come in: sessions, codes, known devices."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from service.core.states import AccountState
from service.db.tables.columns import EnumText, Key, Model


class Account(Model):
    """A recipient who registered; its id is the recipient's."""

    __tablename__ = "accounts"

    id: Mapped[uuid.UUID] = mapped_column(ForeignKey("recipients.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[AccountState] = mapped_column(EnumText(AccountState))
    password: Mapped[str] = mapped_column(String(512))
    """vault.passwords."""
    password_at: Mapped[datetime]
    name: Mapped[bytes]
    """JSON {first, last}, sealed to the recipient (place `name/<id>`)."""
    hint: Mapped[bytes | None]
    """Boxed to the mailer (place `hint/<id>`): mailed, never shown."""
    language: Mapped[str] = mapped_column(String(8), default="en")
    time_zone: Mapped[str] = mapped_column(String(64), default="")
    """Empty: the state's."""
    theme: Mapped[str] = mapped_column(String(8), default="")
    failures: Mapped[int] = mapped_column(default=0)
    """Failed sign-ins from devices that never signed in before."""
    locked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_sign_in_at: Mapped[datetime | None]


class Session(Model):
    """A signed-in browser. Only the hash of its cookie is stored."""

    __tablename__ = "sessions"

    id: Mapped[Key]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    device_id: Mapped[uuid.UUID | None]


class Device(Model):
    """A browser that signed in before: strangers then lock out strangers, not its owner."""

    __tablename__ = "devices"

    id: Mapped[Key]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    failures: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Code(Model):
    """A mailed six-digit code: one browser's proof that it holds the delivery's mailbox."""

    __tablename__ = "codes"

    id: Mapped[Key]
    flow_hash: Mapped[bytes] = mapped_column(unique=True)
    """SHA-256 of the browser's flow cookie."""
    recipient_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("recipients.id", ondelete="CASCADE"), index=True)
    delivery_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"))
    code: Mapped[bytes]
    """vault.tokens.hash_code."""
    tries: Mapped[int] = mapped_column(default=0)
    """Wrong ones; a new code does not reset them within one flow."""
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    proven_at: Mapped[datetime | None]


class Reset(Model):
    """The newest mailed link to a new password; one row for each account, gone when it is used."""

    __tablename__ = "resets"

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
