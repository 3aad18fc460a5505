"""A forgotten password: a mailed hint, or a mailed link to a new one.

Asking does the same work whether or not there is an account: every statement names the account by a subquery on its
address, and where there is none, it writes nothing.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.bound import bind_row, is_row_bound
from service.accounts.coming_in import Tokens
from service.accounts.devices import get_device
from service.accounts.factors.second_step import NeedsCode, come_in_or_ask
from service.accounts.rates import ASKS, LETTERS, LETTERS_AN_HOUR, allow, demand
from service.accounts.telling import tell, told
from service.core.addresses import NOBODY, form_of
from service.core.browsers import Browser
from service.core.rules import Rules
from service.core.states import AccountLetter, AccountState, Letter
from service.db.tables import Account, AuditEntry, Recipient, Reset, Session
from service.letters.queue import queue_letter_for
from service.recipients import address_index
from service.vault.box import seal_box
from service.vault.ring import KeyRing
from service.vault.tokens import TOKEN_LONGEST, hash_token, new_token
from service.vault.types import TokenHash


@dataclass(frozen=True, slots=True, repr=False)
class Asking:
    """Who asks, as far as we know."""

    address: str
    network: str
    browser: Browser
    rules: Rules


@dataclass(frozen=True, slots=True, repr=False)
class Resetting:
    """A living link to a new password, and whose."""

    reset: Reset
    account: Account
    recipient: Recipient


async def ask(session: AsyncSession, ring: KeyRing, kind: AccountLetter, asking: Asking, now: datetime) -> None:
    """Mail a hint or a link, if the address has an account and did not get its share of letters.

    Raises:
        TooMany: this network asked too often, whatever it asked for.
    """
    await demand(session, ring, ASKS, asking.network, now)
    address = form_of(asking.address) or NOBODY
    if not await _has_room(session, ring, address, now):
        return
    whose = (
        select(Account.id)
        .join(Recipient, Recipient.id == Account.id)
        .where(
            Recipient.address_index == address_index(ring, address),
            Recipient.ended_at.is_(None),
            Account.state != AccountState.GUEST,
        )
    )
    payload = told(kind, asking.browser, asking.rules)
    if kind is AccountLetter.RESET:
        payload["token"], token_hash = new_token()
        living = whose.where(Account.state != AccountState.DISABLED)
        await _renew_link(session, ring, living, token_hash, now, now + asking.rules.reset_life)
    once = f"account/{kind}/{uuid.uuid4().hex}"
    await queue_letter_for(session, ring, whose, Letter.ACCOUNT, once, now, payload=payload)


async def get_reset(
    session: AsyncSession, ring: KeyRing, token: str, now: datetime, *, for_update: bool = False
) -> Resetting | None:
    """Find what a link opens. Never was, replaced, used, too old and not written by the portal are `None`."""
    if not token or len(token) > TOKEN_LONGEST:
        return None
    query = (
        select(Reset, Account, Recipient)
        .join(Account, Account.id == Reset.account_id)
        .join(Recipient, Recipient.id == Account.id)
        .where(Reset.token_hash == hash_token(token), Reset.expires_at > now, Recipient.ended_at.is_(None))
    )
    if for_update:
        query = query.with_for_update(of=(Reset, Account))
    found = (await session.execute(query)).one_or_none()
    return Resetting(*found) if found and is_row_bound(ring, found[0]) else None


async def reset_password(
    session: AsyncSession,
    ring: KeyRing,
    found: Resetting,
    stored: str,
    hint: str,
    device_token: str,
    browser: Browser,
    now: datetime,
) -> Tokens | NeedsCode:
    """Set a checked and hashed password, unlock, end every session and the link, and let in who came.

    A mailbox that was taken over is not enough where its owner wants a code asked for: then that is next.
    """
    account = found.account
    account.password, account.password_at = stored, now
    if hint:
        account.hint = seal_box(ring, "mailer", f"hint/{account.id.hex}", hint.encode())
    session.add(AuditEntry(at=now, actor="portal", verb="account.reset", object_id=account.id.hex))
    if account.state is AccountState.LOCKED:
        account.state = AccountState.ACTIVE
        session.add(AuditEntry(at=now, actor="portal", verb="account.unlock", object_id=account.id.hex))
    account.failures, account.locked_at = 0, None
    await session.execute(delete(Session).where(Session.account_id == account.id))
    await session.execute(delete(Reset).where(Reset.account_id == account.id))
    await tell(session, ring, AccountLetter.PASSWORD_CHANGED, account.id, browser, now)
    device = await get_device(session, ring, account.id, device_token, now, for_update=True)
    return await come_in_or_ask(session, ring, account, device, browser, now, is_told=True)


async def _has_room(session: AsyncSession, ring: KeyRing, address: str, now: datetime) -> bool:
    """Take one of the address's places, each of which is free again an hour later: never more letters in any hour."""
    for place in range(LETTERS_AN_HOUR):
        if await allow(session, ring, LETTERS, f"{place}/{address}", now):
            return True
    return False


async def _renew_link(
    session: AsyncSession,
    ring: KeyRing,
    whose: Select[uuid.UUID],
    token_hash: TokenHash,
    now: datetime,
    expires_at: datetime,
) -> None:
    account_id = await session.scalar(whose) or uuid.uuid4()  # nobody's, who is bound alike and then not found
    reset = Reset(account_id=account_id, token_hash=token_hash, created_at=now, expires_at=expires_at)
    bind_row(ring, reset)
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    columns = Reset.__table__.c
    values = {name: getattr(reset, name) for name in ("token_hash", "created_at", "expires_at", "bound")}
    row = whose.where(Account.id == account_id).add_columns(
        *(literal(value, columns[name].type) for name, value in values.items())
    )
    statement = dialect.insert(Reset).from_select(["account_id", *values], row)
    await session.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))
