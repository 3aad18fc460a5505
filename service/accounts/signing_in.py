"""Sign-in: the same answer and the same work for unknown, wrong and locked; strangers lock out strangers only."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.coming_in import Tokens
from service.accounts.devices import get_device
from service.accounts.factors.second_step import NeedsCode, come_in_or_ask
from service.accounts.failing import count_failure
from service.accounts.hashing import HashGate
from service.accounts.rates import SIGN_INS, TooMany, allow, seconds_left
from service.core.addresses import NOBODY, form_of
from service.core.browsers import Browser
from service.core.limits import PASSWORD_LONGEST
from service.core.rules import AS_SHIPPED, Rules
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
    browser: Browser = field(default_factory=Browser)
    """Told to the owner, if this try locks the account."""
    rules: Rules = AS_SHIPPED


@dataclass(frozen=True, slots=True, repr=False)
class CameIn:
    account_id: uuid.UUID
    tokens: Tokens


async def sign_in(
    db: Database, ring: KeyRing, gate: HashGate, attempt: Attempt, now: datetime
) -> CameIn | NeedsCode | NotSignedIn:
    """Check a password, and open a session or ask for the code next.

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
    recipient = await get_by_address(session, ring, form_of(address) or NOBODY)
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
) -> CameIn | NeedsCode | NotSignedIn:
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
        await count_failure(session, ring, account_id, account, device, attempt.browser, attempt.rules, now)
        return NotSignedIn.WRONG
    if account.state is AccountState.DISABLED:
        return NotSignedIn.DISABLED
    if rehashed is not None:
        account.password = rehashed
    came = await come_in_or_ask(session, ring, account, device, attempt.browser, now)
    return came if isinstance(came, NeedsCode) else CameIn(account.id, came)
