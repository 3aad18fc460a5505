"""Sign-in: the same answer and the same work for unknown, wrong and locked; strangers lock out strangers only."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.devices import add_device, get_device
from service.accounts.hashing import HashGate
from service.accounts.rates import SIGN_INS, TooMany, allow, seconds_left
from service.accounts.registering import Tokens
from service.accounts.sessions import add_session
from service.core.addresses import BadAddress
from service.core.limits import FAILED_SIGN_INS, PASSWORD_LONGEST
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account
from service.recipients import get_by_address
from service.vault.passwords import needs_rehash
from service.vault.ring import KeyRing


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
        account = await _find(session, ring, attempt.address)
    if wait > 0:
        raise TooMany(wait)
    is_right = len(attempt.password) <= PASSWORD_LONGEST and await gate.is_password(
        attempt.password, account.password if account else None
    )
    rehashed = None
    if is_right and account is not None and needs_rehash(account.password, gate.cost):
        rehashed = await gate.hash(attempt.password)
    async with db.writing() as session:
        return await _settle(session, ring, account, attempt, now, is_right=is_right, rehashed=rehashed)


async def _find(session: AsyncSession, ring: KeyRing, address: str) -> Account | None:
    try:
        recipient = await get_by_address(session, ring, address)
    except BadAddress:
        return None
    return await session.get(Account, recipient.id) if recipient else None


async def _settle(
    session: AsyncSession,
    ring: KeyRing,
    found: Account | None,
    attempt: Attempt,
    now: datetime,
    *,
    is_right: bool,
    rehashed: str | None,
) -> CameIn | NotSignedIn:
    account = await session.get(Account, found.id, with_for_update=True, populate_existing=True) if found else None
    device = await get_device(session, account.id, attempt.device, now, for_update=True) if account else None
    if account is None or found is None or account.password != found.password or not is_right:
        await allow(session, ring, SIGN_INS, attempt.network, now)
        if account is not None and device is not None:
            device.failures += 1
            if device.failures >= FAILED_SIGN_INS:
                await session.delete(device)  # a stranger like all others from now on
        elif account is not None:
            _count_failure(account, now)
        return NotSignedIn.WRONG
    if account.state is AccountState.LOCKED and device is None:
        await allow(session, ring, SIGN_INS, attempt.network, now)
        return NotSignedIn.WRONG
    if account.state is AccountState.DISABLED:
        return NotSignedIn.DISABLED
    if device is None:
        account.failures = 0
        device_id, device_token = await add_device(session, account.id, now)
    else:
        device.failures, device.seen_at = 0, now
        device_id, device_token = device.id, None
    account.last_sign_in_at = now
    if rehashed is not None:
        account.password = rehashed
    token = await add_session(session, account.id, device_id, now)
    return CameIn(account.id, Tokens(token, device_token))


def _count_failure(account: Account, now: datetime) -> None:
    account.failures += 1
    if account.failures >= FAILED_SIGN_INS and account.state is AccountState.ACTIVE:
        account.state, account.locked_at = AccountState.LOCKED, now
