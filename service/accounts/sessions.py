"""Signed-in browsers: rows that die when nothing happens, and at the latest after some hours."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.limits import SESSION_IDLE, SESSION_LONGEST
from service.core.states import AccountState
from service.db.tables import Account, Recipient, Session
from service.vault.tokens import hash_token, new_token
from service.vault.types import Token

WRITE_EVERY = timedelta(minutes=1)
"""A session's last sign of life is written at most so often."""


@dataclass(frozen=True, slots=True, repr=False)
class SignedIn:
    """A living session with whose it is."""

    session: Session
    account: Account
    recipient: Recipient

    @property
    def ends_at(self) -> datetime:
        """When it dies if nothing happens from now on."""
        return min(self.session.seen_at + SESSION_IDLE, self.session.created_at + SESSION_LONGEST)

    def is_due(self, now: datetime) -> bool:
        """Say whether this sign of life is worth a write."""
        return now - self.session.seen_at >= WRITE_EVERY


async def find_session(session: AsyncSession, token: str, now: datetime) -> SignedIn | None:
    """Find the living session of a cookie. A lock keeps nobody out who is in; a switched-off account does."""
    found = (
        await session.execute(
            select(Session, Account, Recipient)
            .join(Account, Account.id == Session.account_id)
            .join(Recipient, Recipient.id == Account.id)
            .where(
                Session.token_hash == hash_token(token),
                Session.seen_at > now - SESSION_IDLE,
                Session.created_at > now - SESSION_LONGEST,
                Account.state != AccountState.DISABLED,
                Recipient.ended_at.is_(None),
            )
        )
    ).one_or_none()
    return SignedIn(*found) if found else None


async def add_session(
    session: AsyncSession, account_id: uuid.UUID, device_id: uuid.UUID | None, now: datetime
) -> Token:
    """Open a session and throw the account's dead ones away; return what stands in the cookie."""
    await session.execute(
        delete(Session).where(
            Session.account_id == account_id,
            (Session.seen_at <= now - SESSION_IDLE) | (Session.created_at <= now - SESSION_LONGEST),
        )
    )
    token, token_hash = new_token()
    session.add(Session(token_hash=token_hash, account_id=account_id, created_at=now, seen_at=now, device_id=device_id))
    await session.flush()
    return token


async def touch_session(session: AsyncSession, session_id: uuid.UUID, now: datetime) -> None:
    await session.execute(update(Session).where(Session.id == session_id, Session.seen_at < now).values(seen_at=now))


async def end_session(session: AsyncSession, session_id: uuid.UUID) -> None:
    await session.execute(delete(Session).where(Session.id == session_id))


async def end_other_sessions(session: AsyncSession, account_id: uuid.UUID, kept: uuid.UUID) -> None:
    await session.execute(delete(Session).where(Session.account_id == account_id, Session.id != kept))
