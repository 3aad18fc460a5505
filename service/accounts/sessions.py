"""Signed-in browsers: rows that die when nothing happens, and at the latest after some hours."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.bound import bind_row, is_row_bound
from service.core.limits import PROOF_LIFE
from service.core.rules import Rules
from service.core.states import AccountState
from service.db.tables import Account, Recipient, Session
from service.vault.ring import KeyRing
from service.vault.tokens import hash_token, new_token
from service.vault.types import Token

WRITE_EVERY = timedelta(minutes=1)
"""A session's last sign of life is written at most so often; more often where sessions are short."""


@dataclass(frozen=True, slots=True, repr=False)
class SignedIn:
    """A living session with whose it is."""

    session: Session
    account: Account
    recipient: Recipient
    rules: Rules

    @property
    def ends_at(self) -> datetime:
        """When it dies if nothing happens from now on."""
        return min(self.session.seen_at + self.rules.session_idle, self.session.created_at + self.rules.session_longest)

    def is_due(self, now: datetime) -> bool:
        """Say whether this sign of life is worth a write."""
        return now - self.session.seen_at >= min(WRITE_EVERY, self.rules.session_idle / 12)


def is_alive(rules: Rules, now: datetime) -> ColumnElement[bool]:
    """Return the condition that a session's row lives."""
    return and_(Session.seen_at > now - rules.session_idle, Session.created_at > now - rules.session_longest)


async def find_session(
    session: AsyncSession, ring: KeyRing, rules: Rules, token: str, now: datetime
) -> SignedIn | None:
    """Find the living session of a cookie. A lock keeps nobody out who is in; a switched-off account does.

    A row that the portal did not write itself is none.
    """
    found = (
        await session.execute(
            select(Session, Account, Recipient)
            .join(Account, Account.id == Session.account_id)
            .join(Recipient, Recipient.id == Account.id)
            .where(
                Session.token_hash == hash_token(token),
                is_alive(rules, now),
                Account.state != AccountState.DISABLED,
                Recipient.ended_at.is_(None),
            )
        )
    ).one_or_none()
    return SignedIn(*found, rules) if found and is_row_bound(ring, found[0]) else None


async def add_session(
    session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, device_id: uuid.UUID | None, now: datetime
) -> Token:
    """Open a session for who just proved it; return what is in the cookie. Retention throws the dead ones away."""
    token, token_hash = new_token()
    row = Session(token_hash=token_hash, account_id=account_id, created_at=now, seen_at=now, device_id=device_id)
    row.proven_at = now
    bind_row(ring, row)
    session.add(row)
    await session.flush()
    return token


def has_fresh_proof(row: Session, now: datetime) -> bool:
    """Say whether its holder proved lately who they are: else they do it again before they change how to come in."""
    return row.proven_at is not None and now - row.proven_at < PROOF_LIFE


async def mark_proven(session: AsyncSession, ring: KeyRing, session_id: uuid.UUID, now: datetime) -> bool:
    """Note that the holder of a session just proved again who they are; say False where it ended meanwhile."""
    row = await session.get(Session, session_id, with_for_update=True)
    if row is None or not is_row_bound(ring, row):
        return False
    row.proven_at = now
    bind_row(ring, row)
    return True


async def touch_session(session: AsyncSession, session_id: uuid.UUID, now: datetime) -> None:
    await session.execute(update(Session).where(Session.id == session_id, Session.seen_at < now).values(seen_at=now))


async def end_session(session: AsyncSession, session_id: uuid.UUID) -> None:
    await session.execute(delete(Session).where(Session.id == session_id))
