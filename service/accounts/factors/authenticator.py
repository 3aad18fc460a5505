"""The authenticator app: RFC 6238 codes of six digits, each taken once. The only door to pyotp."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from pyotp import TOTP, random_base32
from pyotp.exceptions import OTPVerificationError
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.factors.challenges import add_challenge, end_challenges
from service.accounts.factors.recovery import end_codes, renew_codes
from service.core.states import Step
from service.db.tables import Account, AuditEntry, Recipient
from service.vault.people import RecipientKey, seal_to_recipient
from service.vault.ring import KeyRing
from service.vault.types import Token

DIGITS = 6
SECRET_LETTERS = 32
"""160 bits: the length that RFC 4226 section 4 (R6) recommends."""
WINDOW = 1
"""Steps of 30 seconds that a clock may be ahead or behind: RFC 6238 section 5.2 recommends one."""
GROUP = 4


@dataclass(frozen=True, slots=True, repr=False)
class NewSecret:
    """A secret as its owner puts it into the app."""

    secret: str
    uri: str
    """otpauth: what the picture says."""

    @property
    def groups(self) -> str:
        return " ".join(self.secret[at : at + GROUP] for at in range(0, len(self.secret), GROUP))


def new_secret(name: str, issuer: str, secret: str = "") -> NewSecret:
    """Draw a secret, or write the one given; `name` and `issuer` are what the app shows beside its codes."""
    secret = secret or random_base32(SECRET_LETTERS)
    return NewSecret(secret, TOTP(secret).provisioning_uri(name=name, issuer_name=issuer))


def digits_of(typed: str) -> str:
    """Return a code as the app shows it, without what people type between."""
    return "".join(char for char in typed if char.isascii() and char.isdigit())


def step_of(secret: str, typed: str, now: datetime, last: int | None = None) -> int | None:
    """Return the time step of a right code, or None; a step that was taken, and all before it, count no more."""
    code = digits_of(typed)
    try:
        step = TOTP(secret).verify_and_get_timecode(code, for_time=now, valid_window=WINDOW)
    except OTPVerificationError:
        return None
    return step if last is None or step > last else None


async def propose(session: AsyncSession, ring: KeyRing, recipient: Recipient, secret: str, now: datetime) -> Token:
    """Keep a secret until its owner proves that the app has it; return what stands in the step cookie."""
    await end_challenges(session, recipient.id, Step.AUTHENTICATOR_ADD)
    sealed = seal_to_recipient(recipient.public_key, _proposed(recipient.id), secret.encode())
    return await add_challenge(session, ring, Step.AUTHENTICATOR_ADD, now, account_id=recipient.id, content=sealed)


def open_proposed(key: RecipientKey, account_id: uuid.UUID, sealed: bytes) -> str:
    """Raises SealBroken."""
    return key.open(_proposed(account_id), sealed).decode()


def open_secret(key: RecipientKey, account: Account) -> str:
    """Raises SealBroken."""
    assert account.authenticator is not None
    return key.open(_kept(account.id), account.authenticator).decode()


async def turn_on(
    session: AsyncSession, ring: KeyRing, account: Account, recipient: Recipient, secret: str, step: int, now: datetime
) -> list[str]:
    """Ask for codes from now on; return the recovery codes. `step` is that of the code which proved the app."""
    account.authenticator = seal_to_recipient(recipient.public_key, _kept(account.id), secret.encode())
    account.authenticator_step = step
    session.add(AuditEntry(at=now, actor="portal", verb="authenticator.add", object_id=account.id.hex))
    return await renew_codes(session, ring, account.id, now)


async def turn_off(session: AsyncSession, account: Account, now: datetime, actor: str = "portal") -> bool:
    """Ask for codes no more; say False where none were asked for."""
    if account.authenticator is None:
        return False
    account.authenticator, account.authenticator_step = None, None
    await end_codes(session, account.id)
    await end_challenges(session, account.id, Step.SECOND_FACTOR)
    session.add(AuditEntry(at=now, actor=actor, verb="authenticator.remove", object_id=account.id.hex))
    return True


def _proposed(account_id: uuid.UUID) -> str:
    return f"authenticator-add/{account_id.hex}"


def _kept(account_id: uuid.UUID) -> str:
    return f"authenticator/{account_id.hex}"
