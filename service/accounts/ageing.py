"""Ageing: an account whose owner does not sign in is switched off, after a warning, and ends when nothing waits for it.

Time counts from the last sign-in, or from when the account was made. Each step is one statement that asks again for
what it found, so that a sign-in at the same moment wins; a run that is killed leaves the rest to the next one.

    active, locked   inactive - warning   told, once
    active, locked   inactive             switched off, browsers signed out, told
    disabled         grace later          ended, when nothing that can still be read waits for it
    guest            inactive             ended, when nothing waits: it has no password to come back with, and loses
                                          nothing, since the next notice makes another; nobody is told
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Exists, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from service.accounts.closing import close_account, farewell_to
from service.audit import record
from service.core.states import AccountLetter, AccountState, Envelope, Letter
from service.db.engine import Database
from service.db.tables import Account, Delivery, Recipient, Session
from service.letters.queue import queue_letter
from service.vault.ring import KeyRing

ACTOR = "ageing"
BATCH = 100
WITH_PASSWORD = (AccountState.ACTIVE, AccountState.LOCKED)


@dataclass(frozen=True, slots=True)
class Ages:
    """How long until what; an `inactive` of zero switches nothing off."""

    inactive: timedelta
    warning: timedelta
    """Zero: nobody is warned."""
    grace: timedelta
    """Zero: an account that is switched off ends in the same run."""


async def age_accounts(db: Database, ring: KeyRing, ages: Ages, now: datetime) -> int:
    """Take each account as far as its age says; return how many ended. Run under a lease, as often as one likes."""
    if not ages.inactive:
        return 0
    while await _switch_off(db, ring, ages, now):
        pass
    while ages.warning and await _warn(db, ring, ages, now):
        pass
    ended = 0
    for account_id in await _list_over(db, ages, now):
        ended += await _end(db, ring, account_id, ages, now)
    return ended


def _since() -> ColumnElement[datetime]:
    return func.coalesce(Account.last_sign_in_at, Account.created_at)


def _waits(now: datetime) -> Exists:
    """Say that something can still be read: what was read already counts, its reader may come for it again."""
    return exists().where(
        Delivery.recipient_id == Account.id,
        Delivery.envelope != Envelope.OWN,
        Delivery.expires_at > now,
        Delivery.revoked_at.is_(None),
    )


async def _warn(db: Database, ring: KeyRing, ages: Ages, now: datetime) -> int:
    """Warn a batch of owners whose account is near its end."""
    due = (
        Account.state.in_(WITH_PASSWORD),
        _since() <= now - (ages.inactive - min(ages.warning, ages.inactive)),
        _since() > now - ages.inactive,
        or_(Account.warned_at.is_(None), Account.warned_at < _since()),  # an older warning was for another absence
    )
    async with db.writing() as session:
        rows = await _change(session, due, warned_at=now)
        for account_id, since in rows:
            off_at = since + ages.inactive
            await _tell(session, ring, AccountLetter.ENDING_SOON, account_id, now, off_at=off_at.isoformat())
            record(session, now, ACTOR, "account.warned", account_id.hex)
    return len(rows)


async def _switch_off(db: Database, ring: KeyRing, ages: Ages, now: datetime) -> int:
    """Switch off a batch of accounts and sign their browsers out."""
    due = (Account.state.in_(WITH_PASSWORD), _since() <= now - ages.inactive)
    async with db.writing() as session:
        rows = await _change(session, due, state=AccountState.DISABLED, disabled_at=now)
        await session.execute(delete(Session).where(Session.account_id.in_([account_id for account_id, _ in rows])))
        for account_id, since in rows:
            ends_at = now + ages.grace
            await _tell(session, ring, AccountLetter.DISABLED, account_id, now, ends_at=ends_at.isoformat())
            record(session, now, ACTOR, "account.disabled", account_id.hex, f"last sign-in {since:%Y-%m-%d}")
    return len(rows)


async def _change(
    session: AsyncSession, due: Sequence[ColumnElement[bool]], **values: object
) -> list[tuple[uuid.UUID, datetime]]:
    """Change a batch of accounts; return each with the time that its absence counts from."""
    ids = (await session.scalars(select(Account.id).where(*due).order_by(Account.id).limit(BATCH))).all()
    changed = await session.execute(
        update(Account)
        .where(Account.id.in_(ids), *due)
        .values(**values)
        .returning(Account.id, Account.last_sign_in_at, Account.created_at)
        .execution_options(synchronize_session=False)
    )
    return [(account_id, last_sign_in_at or created_at) for account_id, last_sign_in_at, created_at in changed.all()]


async def _tell(
    session: AsyncSession, ring: KeyRing, kind: AccountLetter, account_id: uuid.UUID, now: datetime, **more: str
) -> None:
    await queue_letter(
        session,
        ring,
        Letter.ACCOUNT,
        f"account/{kind}/{account_id.hex}/{now:%Y%m%dT%H%M%S}",
        now,
        payload={"kind": kind.value, **more},
        recipient_id=account_id,
    )


def _is_over(ages: Ages, now: datetime) -> tuple[ColumnElement[bool], ...]:
    was_off = (Account.state == AccountState.DISABLED) & (Account.disabled_at <= now - ages.grace)
    was_guest = (Account.state == AccountState.GUEST) & (_since() <= now - ages.inactive)
    return or_(was_off, was_guest), ~_waits(now)


async def _list_over(db: Database, ages: Ages, now: datetime) -> Sequence[uuid.UUID]:
    async with db.reading() as session:
        return (await session.scalars(select(Account.id).where(*_is_over(ages, now)).order_by(Account.id))).all()


async def _end(db: Database, ring: KeyRing, account_id: uuid.UUID, ages: Ages, now: datetime) -> int:
    """End one account that is still over when its row is locked: a new message or a sign-in keeps it."""
    async with db.reading() as session:
        account, recipient = await session.get(Account, account_id), await session.get(Recipient, account_id)
    if account is None or recipient is None:
        return 0
    letter = None
    if account.state is not AccountState.GUEST:
        letter = await asyncio.to_thread(farewell_to, ring, recipient, account)
    async with db.writing() as session:
        found = await session.scalar(
            select(Account.id).where(Account.id == account_id, *_is_over(ages, now)).with_for_update()
        )
        if found is None:
            return 0
        return int(await close_account(session, ring, account_id, now, actor=ACTOR, letter=letter))
