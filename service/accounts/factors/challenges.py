"""One browser between two steps: a passkey's challenge, a secret to be confirmed, a right password without its code.

A row is found by its cookie's hash only, lives for minutes, and goes in the transaction that uses it.
"""

import uuid
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.bound import bind_row, is_row_bound
from service.core.limits import STEP_LIFE
from service.core.states import Step
from service.db.tables import Challenge
from service.vault.ring import KeyRing
from service.vault.tokens import TOKEN_LONGEST, hash_token, new_token
from service.vault.types import Token

TRIES = 5


async def add_challenge(
    session: AsyncSession,
    ring: KeyRing,
    step: Step,
    now: datetime,
    *,
    account_id: uuid.UUID | None = None,
    content: bytes | None = None,
) -> Token:
    """Begin a step and throw away whatever ran out; return what stands in the cookie."""
    await session.execute(delete(Challenge).where(Challenge.expires_at <= now))
    token, token_hash = new_token()
    row = Challenge(
        step=step,
        token_hash=token_hash,
        account_id=account_id,
        content=content,
        tries=0,
        created_at=now,
        expires_at=now + STEP_LIFE,
    )
    bind_row(ring, row)
    session.add(row)
    await session.flush()
    return token


async def get_challenge(
    session: AsyncSession, ring: KeyRing, step: Step, token: str, now: datetime, *, for_update: bool = False
) -> Challenge | None:
    """Find the living challenge of a browser's cookie. Of another step, used up, forged and too old are `None`."""
    if not token or len(token) > TOKEN_LONGEST:
        return None
    query = select(Challenge).where(
        Challenge.token_hash == hash_token(token),
        Challenge.step == step,
        Challenge.expires_at > now,
        Challenge.tries < TRIES,
    )
    if for_update:
        query = query.with_for_update()
    row = (await session.scalars(query)).one_or_none()
    return row if row is not None and is_row_bound(ring, row) else None


async def use_challenge(session: AsyncSession, row: Challenge) -> bool:
    """Take a challenge away; say False where another request took it first."""
    taken = await session.scalar(delete(Challenge).where(Challenge.id == row.id).returning(Challenge.id))
    return taken is not None


async def end_challenges(session: AsyncSession, account_id: uuid.UUID, step: Step) -> None:
    await session.execute(delete(Challenge).where(Challenge.account_id == account_id, Challenge.step == step))
