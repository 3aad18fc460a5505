"""Accounts of recipients and how they come in: sessions, codes, known devices, passkeys, second factors.

A `bound` column is a keyed digest (vault.binding) over what the row says about its owner: whoever can write to the
database, and holds no key, cannot make a row that lets them in as somebody else.
"""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from service.core.states import AccountState, Step
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
    preferences: Mapped[str | None] = mapped_column(String(2048))
    """core.preferences.Preferences as JSON; none: as shipped."""
    signature: Mapped[bytes | None]
    """Text under what its owner writes, sealed to the recipient (place `signature/<id>`)."""
    warned_at: Mapped[datetime | None]
    """When its owner was told that it will be switched off; none after a sign-in."""
    disabled_at: Mapped[datetime | None]
    authenticator: Mapped[bytes | None]
    """Secret of the authenticator app, sealed to the recipient (place `authenticator/<id>`)."""
    authenticator_step: Mapped[int | None] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"))
    """The last time step whose code was taken: none is taken twice (RFC 6238 section 5.2)."""


class Session(Model):
    """A signed-in browser. Only the hash of its cookie is stored."""

    __tablename__ = "sessions"

    id: Mapped[Key]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    device_id: Mapped[uuid.UUID | None]
    proven_at: Mapped[datetime | None]
    """When its holder last gave a password, passkey or code: what matters for changes of how to come in."""
    bound: Mapped[bytes | None] = mapped_column(LargeBinary(32))


class Device(Model):
    """A browser that signed in before: strangers then lock out strangers, not its owner."""

    __tablename__ = "devices"

    id: Mapped[Key]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    failures: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    browser: Mapped[str | None] = mapped_column(String(16))
    """A name of core.browsers, as is the system: what its owner knows it by."""
    system: Mapped[str | None] = mapped_column(String(16))
    bound: Mapped[bytes | None] = mapped_column(LargeBinary(32))


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
    bound: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Set with `proven_at`."""


class Reset(Model):
    """The newest mailed link to a new password; one row for each account, gone when it is used."""

    __tablename__ = "resets"

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    bound: Mapped[bytes | None] = mapped_column(LargeBinary(32))


class Passkey(Model):
    """A WebAuthn credential: signs in without the password."""

    __tablename__ = "passkeys"

    id: Mapped[Key]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    """COSE, as registered."""
    sign_count: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"))
    name: Mapped[bytes]
    """What its owner calls it, sealed to the recipient (place `passkey/<id>`)."""
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    bound: Mapped[bytes] = mapped_column(LargeBinary(32))


class RecoveryCode(Model):
    """One of the codes that come in place of the authenticator app, each once."""

    __tablename__ = "recovery_codes"

    id: Mapped[Key]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    code: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Peppered digest, bound to the account."""
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Challenge(Model):
    """One browser between two steps: a passkey's challenge, or a right password that waits for its second factor."""

    __tablename__ = "challenges"

    id: Mapped[Key]
    step: Mapped[Step] = mapped_column(EnumText(Step))
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    """Of the browser's step cookie."""
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    """None while a passkey has not said whose it is."""
    content: Mapped[bytes | None]
    """A challenge's random bytes; or a secret that waits to be confirmed, sealed to the recipient."""
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    bound: Mapped[bytes] = mapped_column(LargeBinary(32))
