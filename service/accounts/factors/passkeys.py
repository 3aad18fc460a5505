"""Passkeys: sign in with what a device holds, by its owner's finger, face or PIN.

A lock keeps out who guesses passwords, and a passkey cannot be guessed: it lets its owner in while the account is
locked, and does not unlock the way by password. A switched-off account stays shut.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.bound import bind_row, is_row_bound
from service.accounts.coming_in import come_in
from service.accounts.factors.ceremonies import (
    CHALLENGE_BYTES,
    Site,
    ask_to_make,
    ask_to_sign,
    read_claim,
    read_made,
    read_signed,
)
from service.accounts.factors.challenges import add_challenge, get_challenge, use_challenge
from service.accounts.rates import PASSKEYS, SIGN_INS, TooMany, allow, demand, seconds_left
from service.accounts.sessions import mark_proven
from service.accounts.signing_in import CameIn, NotSignedIn
from service.core.browsers import Browser
from service.core.states import AccountState, Step
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Challenge, Passkey, Recipient
from service.vault.people import RecipientKey, seal_to_recipient
from service.vault.ring import KeyRing
from service.vault.types import Token

MOST = 10
NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a browser sends when its owner agreed, and how it is known."""

    token: str
    """The cookie of the challenge."""
    text: str
    device: str = ""
    network: str = ""
    browser: Browser = field(default_factory=Browser)


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """A passkey as its owner sees it."""

    id: uuid.UUID
    name: str
    created_at: datetime
    used_at: datetime | None


async def list_passkeys(session: AsyncSession, account_id: uuid.UUID) -> Sequence[Passkey]:
    return (
        await session.scalars(select(Passkey).where(Passkey.account_id == account_id).order_by(Passkey.created_at))
    ).all()


def show(key: RecipientKey, row: Passkey) -> Shown:
    """Open a passkey's name. Raises SealBroken."""
    return Shown(row.id, key.open(_place(row.id), row.name).decode(), row.created_at, row.used_at)


async def begin_adding(
    session: AsyncSession, ring: KeyRing, site: Site, account_id: uuid.UUID, address: str, name: str, now: datetime
) -> tuple[Token, str] | None:
    """Return the cookie of a challenge and what the browser is asked for; None where there is room for no more."""
    rows = await list_passkeys(session, account_id)
    if len(rows) >= MOST:
        return None
    content = secrets.token_bytes(CHALLENGE_BYTES)
    token = await add_challenge(session, ring, Step.PASSKEY_ADD, now, account_id=account_id, content=content)
    known = [row.credential_id for row in rows]
    return token, ask_to_make(site, account_id, address, name, content, known)


async def add_passkey(
    session: AsyncSession, ring: KeyRing, site: Site, account_id: uuid.UUID, answer: Answer, name: str, now: datetime
) -> bool:
    """Keep a passkey, if the answer is right for this account's challenge, which is used up either way."""
    account = await session.get(Account, account_id, with_for_update=True)
    recipient = await session.get(Recipient, account_id)
    challenge = await _take(session, ring, Step.PASSKEY_ADD, answer.token, now)
    count = await session.scalar(select(func.count()).select_from(Passkey).where(Passkey.account_id == account_id))
    if account is None or recipient is None or challenge is None or challenge.account_id != account_id:
        return False
    if (count or 0) >= MOST:
        return False
    made = read_made(site, answer.text, challenge.content or b"")
    if made is None:
        return False
    row_id = uuid.uuid4()
    row = Passkey(
        id=row_id,
        account_id=account_id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=seal_to_recipient(recipient.public_key, _place(row_id), name.encode()),
        created_at=now,
    )
    bind_row(ring, row)
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:  # somebody has this very credential already
        return False
    session.add(AuditEntry(at=now, actor="portal", verb="passkey.add", object_id=account_id.hex, detail=row_id.hex))
    return True


async def remove_passkey(session: AsyncSession, account_id: uuid.UUID, passkey_id: uuid.UUID, now: datetime) -> bool:
    """Forget a passkey; say False where it is not this account's, or gone."""
    row = await session.get(Passkey, passkey_id, with_for_update=True)
    if row is None or row.account_id != account_id:
        return False
    await session.delete(row)
    verb, detail = "passkey.remove", passkey_id.hex
    session.add(AuditEntry(at=now, actor="portal", verb=verb, object_id=account_id.hex, detail=detail))
    return True


async def begin_signing(
    session: AsyncSession, ring: KeyRing, site: Site, network: str, now: datetime, account_id: uuid.UUID | None = None
) -> tuple[Token, str]:
    """Return the cookie of a challenge and what the browser is asked for; `account_id` where somebody proves again.

    Raises:
        TooMany: this network began too often.
    """
    await demand(session, ring, PASSKEYS, network, now)
    content = secrets.token_bytes(CHALLENGE_BYTES)
    token = await add_challenge(session, ring, Step.PASSKEY_SIGN_IN, now, account_id=account_id, content=content)
    allowed = [] if account_id is None else await list_passkeys(session, account_id)
    return token, ask_to_sign(site, content, [row.credential_id for row in allowed])


async def sign_in_with_passkey(
    db: Database, ring: KeyRing, site: Site, answer: Answer, now: datetime
) -> CameIn | NotSignedIn:
    """Open a session for the owner of a passkey.

    Raises:
        TooMany: too many failures from this network.
    """
    async with db.writing() as session:
        if (wait := await seconds_left(session, ring, SIGN_INS, answer.network, now)) > 0:
            raise TooMany(wait)
        account = await _check(session, ring, site, answer, now, None)
        if account is None:
            await allow(session, ring, SIGN_INS, answer.network, now)
            return NotSignedIn.WRONG
        if account.state is AccountState.DISABLED:
            return NotSignedIn.DISABLED
        return CameIn(account.id, await come_in(session, ring, account, answer.device, answer.browser, now))


async def prove_with_passkey(
    db: Database, ring: KeyRing, site: Site, answer: Answer, account_id: uuid.UUID, session_id: uuid.UUID, now: datetime
) -> bool:
    """Let somebody signed in prove again who they are."""
    async with db.writing() as session:
        account = await _check(session, ring, site, answer, now, account_id)
        return account is not None and await mark_proven(session, ring, session_id, now)


async def _check(
    session: AsyncSession, ring: KeyRing, site: Site, answer: Answer, now: datetime, asked: uuid.UUID | None
) -> Account | None:
    """Return whose passkey signed this browser's challenge, which is used up either way."""
    challenge = await _take(session, ring, Step.PASSKEY_SIGN_IN, answer.token, now)
    credential_id, handle = read_claim(answer.text)
    found = (
        await session.scalars(select(Passkey.account_id).where(Passkey.credential_id == credential_id))
    ).one_or_none()
    if challenge is None or challenge.account_id != asked or found is None:
        return None
    account = await session.get(Account, found, with_for_update=True)
    recipient = await session.get(Recipient, found)
    row = (await session.scalars(select(Passkey).where(Passkey.credential_id == credential_id))).one_or_none()
    if account is None or recipient is None or recipient.ended_at is not None or row is None:
        return None
    if not is_row_bound(ring, row) or row.account_id != account.id or (asked is not None and asked != account.id):
        return None
    if handle not in {b"", account.id.bytes}:
        return None
    count = read_signed(site, answer.text, challenge.content or b"", row.public_key)
    if count is None:
        return None
    if (count or row.sign_count) and count <= row.sign_count:  # a copy of the device signed before: 6.1.1 of WebAuthn 3
        detail = f"{row.id.hex} counter"
        session.add(AuditEntry(at=now, actor="portal", verb="passkey.refuse", object_id=account.id.hex, detail=detail))
        return None
    row.sign_count, row.used_at = count, now
    return account


async def _take(session: AsyncSession, ring: KeyRing, step: Step, token: str, now: datetime) -> Challenge | None:
    challenge = await get_challenge(session, ring, step, token, now)
    if challenge is None or not await use_challenge(session, challenge):
        return None
    return challenge


def _place(row_id: uuid.UUID) -> str:
    return f"passkey/{row_id.hex}"
