"""Registration: a code mailed to the address that the notice went to, then an account. One browser, one flow.

Only the holder of the mailbox gets in: the link names the delivery, the code proves the mailbox, and the address
comes from the delivery, never from a form.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from service.accounts.bound import bind_row, is_row_bound
from service.accounts.coming_in import Tokens, come_in_on
from service.accounts.rates import CODES, TooMany, allow, seconds_left
from service.core.browsers import Browser
from service.core.limits import CODE_LIFE, CODE_RESEND_AFTER, CODE_TRIES
from service.core.states import AccountState, Letter
from service.db.tables import Account, AuditEntry, Code, Delivery, Recipient, Session
from service.letters.queue import queue_letter
from service.vault.box import seal_box
from service.vault.people import seal_to_recipient
from service.vault.ring import KeyRing
from service.vault.tokens import hash_code, hash_token, new_code, new_token, same
from service.vault.types import Token

PROVEN_LIFE = timedelta(hours=1)
"""So long the form may take after the code was right."""


class Tried(Enum):
    """What came of a code."""

    RIGHT = "right"
    WRONG = "wrong"
    TOO_OLD = "too old"
    NO_TRIES = "no tries"


@dataclass(frozen=True, slots=True)
class Flow:
    """A browser's registration, with what it is for."""

    code: Code
    delivery: Delivery

    @property
    def tries_left(self) -> int:
        return CODE_TRIES - self.code.tries

    def seconds_to_resend(self, now: datetime) -> float:
        return max(0.0, (self.code.sent_at + CODE_RESEND_AFTER - now).total_seconds())


@dataclass(frozen=True, slots=True, repr=False)
class NewAccount:
    """What the form says, checked."""

    first: str
    last: str
    password: str
    """As it is stored: hashed."""
    hint: str
    language: str


async def get_flow(
    session: AsyncSession, ring: KeyRing, token: str, now: datetime, *, for_update: bool = False
) -> Flow | None:
    """Find the registration of a browser's flow cookie, as long as its message lives and it has not run out.

    One that says it was proven, and was not so by the portal, is none.
    """
    if not token:
        return None
    query = (
        select(Delivery, Code)
        .join(Code, Code.delivery_id == Delivery.id)
        .join(Delivery.recipient)
        .join(Delivery.message)
        .options(contains_eager(Delivery.recipient), contains_eager(Delivery.message))
        .where(
            Code.flow_hash == hash_token(token),
            Code.created_at > now - PROVEN_LIFE,
            Delivery.expires_at > now,
            Delivery.revoked_at.is_(None),
            Recipient.ended_at.is_(None),
        )
    )
    if for_update:
        await _lock_recipient(session, token)
        query = query.with_for_update(of=Code)
    found = (await session.execute(query)).one_or_none()
    if found is None or (found[1].proven_at is not None and not is_row_bound(ring, found[1])):
        return None
    return Flow(found[1], found[0])


async def _lock_recipient(session: AsyncSession, token: str) -> None:
    """Take hold of whose flow it is before the flow: who ends one ends all flows of the address, in any order."""
    whose = select(Code.recipient_id).where(Code.flow_hash == hash_token(token)).scalar_subquery()
    await session.execute(select(Recipient.id).where(Recipient.id == whose).with_for_update(key_share=True))


async def start_flow(
    session: AsyncSession, ring: KeyRing, delivery: Delivery, address: str, language: str, now: datetime
) -> Token:
    """Begin a registration and mail its code; flows of this address that ran out are thrown away.

    Raises:
        TooMany: this address got its share of codes.
    """
    await session.execute(
        delete(Code).where(Code.recipient_id == delivery.recipient_id, Code.created_at <= now - PROVEN_LIFE)
    )
    token, flow_hash = new_token()
    row = Code(
        flow_hash=flow_hash,
        recipient_id=delivery.recipient_id,
        delivery_id=delivery.id,
        code=b"",
        tries=0,
        created_at=now,
        sent_at=now,
        expires_at=now,
    )
    session.add(row)
    await session.flush()
    await _mail_code(session, ring, row, address, language, now)
    return token


async def resend_code(
    session: AsyncSession, ring: KeyRing, flow: Flow, address: str, language: str, now: datetime
) -> bool:
    """Mail a new code; the tries that were used stay used. Say False where it is too soon or no try is left.

    Raises:
        TooMany: this address got its share of codes.
    """
    if flow.seconds_to_resend(now) > 0 or flow.tries_left <= 0 or flow.code.proven_at is not None:
        return False
    await _mail_code(session, ring, flow.code, address, language, now)
    return True


def try_code(ring: KeyRing, flow: Flow, typed: str, now: datetime) -> Tried:
    """Compare a code and count the wrong ones, inside the caller's writing transaction."""
    row = flow.code
    if flow.tries_left <= 0:
        return Tried.NO_TRIES
    if now >= row.expires_at:
        return Tried.TOO_OLD
    if same(hash_code(ring, _place(row), typed), row.code):
        row.proven_at = now
        bind_row(ring, row)
        return Tried.RIGHT
    row.tries += 1
    return Tried.WRONG if flow.tries_left > 0 else Tried.NO_TRIES


async def save_account(
    session: AsyncSession, ring: KeyRing, flow: Flow, new: NewAccount, browser: Browser, now: datetime
) -> Tokens | None:
    """Make the account with its first session and device, and end the flow; None where there is an account already.

    Who read as a guest gets a password, and their guest's sessions end.
    """
    assert flow.code.proven_at is not None
    recipient = await session.get(Recipient, flow.delivery.recipient_id, with_for_update={"key_share": True})
    assert recipient is not None
    account = await session.get(Account, recipient.id)
    if account is None:
        account = Account(id=recipient.id, failures=0, created_at=now)
        session.add(account)
    elif account.state is AccountState.GUEST:
        await session.execute(delete(Session).where(Session.account_id == account.id))
    else:
        return None
    place = recipient.id.hex
    account.state, account.password, account.password_at = AccountState.ACTIVE, new.password, now
    account.name, account.language = sealed_name(recipient, new.first, new.last), new.language
    account.hint = seal_box(ring, "mailer", f"hint/{place}", new.hint.encode()) if new.hint else None
    session.add(AuditEntry(at=now, actor="portal", verb="account.create", object_id=place))
    await session.flush()
    tokens = await come_in_on(session, ring, account, None, browser, now, is_told=True)
    await session.execute(delete(Code).where(Code.recipient_id == recipient.id))
    return tokens


def sealed_name(recipient: Recipient, first: str, last: str) -> bytes:
    """Seal to somebody what they are called."""
    name = json.dumps({"first": first, "last": last}, ensure_ascii=False).encode()
    return seal_to_recipient(recipient.public_key, f"name/{recipient.id.hex}", name)


def _place(row: Code) -> str:
    """Return what a code is bound to: moved to another browser, address or message it fits no more."""
    return f"{row.id.hex}/{row.recipient_id.hex}/{row.delivery_id.hex}/{row.flow_hash.hex()}"


async def _mail_code(
    session: AsyncSession, ring: KeyRing, row: Code, address: str, language: str, now: datetime
) -> None:
    of = row.recipient_id.hex
    if not await allow(session, ring, CODES, of, now):
        raise TooMany(await seconds_left(session, ring, CODES, of, now))
    code = new_code()
    row.code, row.sent_at, row.expires_at = hash_code(ring, _place(row), code), now, now + CODE_LIFE
    await queue_letter(
        session,
        ring,
        Letter.CODE,
        f"code/{row.id.hex}/{int(now.timestamp())}",
        now,
        payload={"to": address, "code": code, "language": language},
        recipient_id=row.recipient_id,
    )
    await session.flush()
