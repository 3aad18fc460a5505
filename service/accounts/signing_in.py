"""Sign-in: the same answer and the same work for unknown, wrong and locked; strangers lock out strangers only."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from sqlalchemy import case, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.coming_in import Tokens, come_in_on
from service.accounts.devices import get_device
from service.accounts.hashing import HashGate
from service.accounts.rates import SIGN_INS, TooMany, allow, seconds_left
from service.accounts.telling import tell
from service.core.addresses import BadAddress
from service.core.browsers import Browser
from service.core.limits import FAILED_SIGN_INS, PASSWORD_LONGEST
from service.core.states import AccountLetter, AccountState
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Device
from service.recipients import get_by_address
from service.vault.passwords import needs_rehash
from service.vault.ring import KeyRing

NOBODY = "nobody@invalid.invalid"
"""Looked up where an address cannot be read, so that this takes as long."""


class NotSignedIn(Enum):
    """Why somebody did not come in; only DISABLED is ever told, and only after the right password."""

    WRONG = "wrong"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """What the sign-in form and the browser say."""

    address: str
    password: str
    device: str
    """The device cookie, or nothing."""
    network: str
    """Where the request came from, for the rate limit."""
    browser: Browser = field(default_factory=Browser)
    reset_unlocks: bool = True
    """Both are told to the owner, if this try locks the account."""


@dataclass(frozen=True, slots=True, repr=False)
class CameIn:
    account_id: uuid.UUID
    tokens: Tokens


async def sign_in(db: Database, ring: KeyRing, gate: HashGate, attempt: Attempt, now: datetime) -> CameIn | NotSignedIn:
    """Check a password and open a session.

    Two transactions with the hash between them: nothing is awaited inside a writing one but the database, and what
    another attempt did meanwhile is looked at again in the second.

    Raises:
        TooMany: too many failures from this network.
        TryAgain: too many sign-ins at once.
    """
    async with db.reading() as session:
        wait = await seconds_left(session, ring, SIGN_INS, attempt.network, now)
        account_id = await _find(session, ring, attempt.address)
        account = await session.get(Account, account_id)
    if wait > 0:
        raise TooMany(wait)
    is_right = len(attempt.password) <= PASSWORD_LONGEST and await gate.is_password(
        attempt.password, account_id, account.password if account else ""
    )
    rehashed = None
    if is_right and account is not None and needs_rehash(account.password, gate.cost):
        rehashed = await gate.hash(attempt.password, account_id)
    checked = account.password if account is not None and is_right else None
    async with db.writing() as session:
        return await _settle(session, ring, account_id, attempt, now, checked=checked, rehashed=rehashed)


async def _find(session: AsyncSession, ring: KeyRing, address: str) -> uuid.UUID:
    """Find the account's id; for addresses without one draw an id that nobody has, and go on with it alike."""
    try:
        recipient = await get_by_address(session, ring, address)
    except BadAddress:
        recipient = await get_by_address(session, ring, NOBODY)
    return recipient.id if recipient else uuid.uuid4()


async def _settle(
    session: AsyncSession,
    ring: KeyRing,
    account_id: uuid.UUID,
    attempt: Attempt,
    now: datetime,
    *,
    checked: str | None,
    rehashed: str | None,
) -> CameIn | NotSignedIn:
    """Open a session or count a failure; `checked` is the stored password that was found right, if any."""
    account = await session.get(Account, account_id, with_for_update=True)
    device = await get_device(session, ring, account_id, attempt.device, now, for_update=True)
    if (
        account is None
        or checked is None
        or account.password != checked
        or (account.state is AccountState.LOCKED and device is None)
    ):
        await allow(session, ring, SIGN_INS, attempt.network, now)
        is_locked = await _count_failure(session, account_id, device, now)
        if is_locked and account is not None and account.state is AccountState.ACTIVE:  # as it was before this try
            session.add(AuditEntry(at=now, actor="portal", verb="account.lock", object_id=account_id.hex))
            kind, unlocks = AccountLetter.LOCKED, attempt.reset_unlocks
            await tell(session, ring, kind, account_id, attempt.browser, now, unlocks=unlocks)
        return NotSignedIn.WRONG
    if account.state is AccountState.DISABLED:
        return NotSignedIn.DISABLED
    if rehashed is not None:
        account.password = rehashed
    return CameIn(account.id, await come_in_on(session, ring, account, device, attempt.browser, now))


async def _count_failure(session: AsyncSession, account_id: uuid.UUID, device: Device | None, now: datetime) -> bool:
    """Count against the device, or against all strangers together; the tenth locks. Say whether it is locked now."""
    if device is not None:
        device.failures += 1
        if device.failures >= FAILED_SIGN_INS:
            await session.delete(device)  # a stranger like all others from now on
        return False
    locks = (Account.failures + 1 >= FAILED_SIGN_INS) & (Account.state == AccountState.ACTIVE)
    state = await session.scalar(
        update(Account)
        .where(Account.id == account_id)
        .values(
            failures=Account.failures + 1,
            locked_at=case((locks, now), else_=Account.locked_at),
            state=case((locks, AccountState.LOCKED), else_=Account.state),
        )
        .returning(Account.state)
        .execution_options(synchronize_session=False)
    )
    return state is AccountState.LOCKED
