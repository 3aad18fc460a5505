"""Prove again who one is, before one changes how to come in: a browser left alone is not enough."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from service.accounts.changing import is_current
from service.accounts.failing import count_failure
from service.accounts.hashing import HashGate
from service.accounts.sessions import end_session, mark_proven
from service.core.browsers import Browser
from service.core.rules import AS_SHIPPED, Rules
from service.db.engine import Database
from service.db.tables import Account, Device, Session
from service.vault.ring import KeyRing


class Proof(Enum):
    RIGHT = "right"
    WRONG = "wrong"
    ENDED = "ended"
    """Signed out: meanwhile, or by one wrong try too many, which makes the browser a stranger."""


@dataclass(frozen=True, slots=True, repr=False)
class Proving:
    """Who proves, and what they typed."""

    account_id: uuid.UUID
    session_id: uuid.UUID
    password: str
    browser: Browser = field(default_factory=Browser)
    rules: Rules = AS_SHIPPED


async def prove_with_password(db: Database, ring: KeyRing, gate: HashGate, proving: Proving, now: datetime) -> Proof:
    """Check the password of somebody signed in; a wrong one counts like one at sign-in from this browser.

    Raises:
        TooMany, TryAgain: wait.
    """
    is_right = await is_current(db, ring, gate, proving.account_id, proving.password, now)
    async with db.writing() as session:
        if is_right:
            is_in = await mark_proven(session, ring, proving.session_id, now)
            return Proof.RIGHT if is_in else Proof.ENDED
        account = await session.get(Account, proving.account_id, with_for_update=True)
        row = await session.get(Session, proving.session_id)
        device = await session.get(Device, row.device_id, with_for_update=True) if row and row.device_id else None
        await count_failure(session, ring, proving.account_id, account, device, proving.browser, proving.rules, now)
        if device is None or device not in session.deleted:
            return Proof.WRONG
        await end_session(session, proving.session_id)
        return Proof.ENDED
