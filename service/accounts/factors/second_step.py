"""The second step of a sign-in: after the right password, a code of the authenticator app or a recovery code.

Until then there is no session: a challenge bound to the browser, and to the password that was right.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.coming_in import Tokens, come_in_on
from service.accounts.devices import get_device
from service.accounts.factors.authenticator import open_secret, step_of
from service.accounts.factors.challenges import TRIES, add_challenge, get_challenge, use_challenge
from service.accounts.factors.recovery import take_code
from service.accounts.failing import count_failure
from service.accounts.rates import FACTORS, TooMany, allow, seconds_left
from service.accounts.telling import tell
from service.core.browsers import Browser
from service.core.rules import AS_SHIPPED, Rules
from service.core.states import AccountLetter, AccountState, Step
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Challenge, Device, Recipient
from service.recipients import unlock
from service.vault.ring import KeyRing
from service.vault.types import Token


@dataclass(frozen=True, slots=True, repr=False)
class NeedsCode:
    """The password was right, and a code is asked for next."""

    token: Token
    """What stands in the step cookie."""


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """What somebody gives at the second step, and how their browser is known."""

    token: str
    """The step cookie."""
    code: str = ""
    recovery: str = ""
    """One of the two is given."""
    device: str = ""
    browser: Browser = field(default_factory=Browser)
    rules: Rules = AS_SHIPPED


@dataclass(frozen=True, slots=True)
class WrongCode:
    left: int
    """Tries left before the password is asked for again."""


@dataclass(frozen=True, slots=True, repr=False)
class Passed:
    account_id: uuid.UUID
    tokens: Tokens


@dataclass(frozen=True, slots=True, repr=False)
class Second:
    """A sign-in that waits for its code, and whose."""

    challenge: Challenge
    account: Account
    recipient: Recipient


async def come_in_or_ask(
    session: AsyncSession,
    ring: KeyRing,
    account: Account,
    device: Device | None,
    browser: Browser,
    now: datetime,
    *,
    is_told: bool = False,
) -> Tokens | NeedsCode:
    """Open a session for a right password, unless its owner wants a code asked for."""
    if account.authenticator is None:
        return await come_in_on(session, ring, account, device, browser, now, is_told=is_told)
    return NeedsCode(await add_challenge(session, ring, Step.SECOND_FACTOR, now, account_id=account.id))


async def get_second(session: AsyncSession, ring: KeyRing, token: str, now: datetime) -> Second | None:
    """Find what a step cookie waits for; None also where the password was changed since, or codes were turned off."""
    challenge = await get_challenge(session, ring, Step.SECOND_FACTOR, token, now)
    if challenge is None:
        return None
    account = await session.get(Account, challenge.account_id)
    recipient = await session.get(Recipient, challenge.account_id)
    if account is None or recipient is None or recipient.ended_at is not None:
        return None
    if account.authenticator is None or account.state not in {AccountState.ACTIVE, AccountState.LOCKED}:
        return None
    return Second(challenge, account, recipient) if challenge.created_at >= account.password_at else None


async def pass_second(db: Database, ring: KeyRing, given: Given, now: datetime) -> Passed | WrongCode | None:
    """Check a code and open the session; None where the password is to be given again.

    Raises:
        TooMany: too many wrong codes for this account.
        SealBroken, RingBroken: the secret cannot be opened.
    """
    async with db.reading() as session:
        seen = await get_second(session, ring, given.token, now)
        if seen is None:
            return None
        whose = _rated(seen.account.id, await get_device(session, ring, seen.account.id, given.device, now))
        wait = await seconds_left(session, ring, FACTORS, whose, now)
    step = None
    if not given.recovery:
        if wait > 0:
            raise TooMany(wait)
        key = await unlock(ring, seen.recipient)
        step = step_of(open_secret(key, seen.account), given.code, now, seen.account.authenticator_step)
    async with db.writing() as session:
        account = await session.get(Account, seen.account.id, with_for_update=True)
        found = await get_second(session, ring, given.token, now)
        if account is None or found is None or account.authenticator != seen.account.authenticator:
            return None
        device = await get_device(session, ring, account.id, given.device, now, for_update=True)
        if account.state is AccountState.LOCKED and device is None:
            return None
        is_right = (
            await take_code(session, ring, account.id, given.recovery, now)
            if given.recovery
            else _is_new(step, account.authenticator_step)
        )
        if not is_right:
            await allow(session, ring, FACTORS, whose, now)
            return await _wrong(session, ring, found, device, given, now)
        if not await use_challenge(session, found.challenge):
            return None
        if given.recovery:
            await _told_recovery(session, ring, account, given.browser, now)
        else:
            account.authenticator_step = step
        is_told = bool(given.recovery)  # by the letter of the code
        came = await come_in_on(session, ring, account, device, given.browser, now, is_told=is_told)
        return Passed(account.id, came)


def _is_new(step: int | None, last: int | None) -> bool:
    """Another request may have taken the code meanwhile."""
    return step is not None and (last is None or step > last)


async def _wrong(
    session: AsyncSession, ring: KeyRing, found: Second, device: Device | None, given: Given, now: datetime
) -> WrongCode:
    found.challenge.tries += 1
    account = found.account
    await count_failure(session, ring, account.id, account, device, given.browser, given.rules, now)
    return WrongCode(TRIES - found.challenge.tries)


async def _told_recovery(
    session: AsyncSession, ring: KeyRing, account: Account, browser: Browser, now: datetime
) -> None:
    session.add(AuditEntry(at=now, actor="portal", verb="recovery.use", object_id=account.id.hex))
    await tell(session, ring, AccountLetter.RECOVERY_CODE_USED, account.id, browser, now)


def _rated(account_id: uuid.UUID, device: Device | None) -> str:
    """Strangers use up strangers' tries only, here too."""
    return f"{account_id.hex}/{device.id.hex if device is not None else 'strangers'}"
