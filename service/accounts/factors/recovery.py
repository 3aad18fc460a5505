"""Recovery codes: ten, shown once, each good once in place of the authenticator app's code."""

import secrets
import uuid
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.references import ALPHABET, LOOK_ALIKES
from service.db.tables import RecoveryCode
from service.vault.ring import KeyRing
from service.vault.tokens import same

COUNT = 10
LENGTH = 10
"""50 bits: with the pepper unknown and few tries, more than can be guessed."""
_TYPED_LONGEST = 64


async def renew_codes(session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, now: datetime) -> list[str]:
    """Replace all codes of an account; return the new ones, which nobody can show again."""
    await end_codes(session, account_id)
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(COUNT)]
    for code in codes:
        row_id = uuid.uuid4()
        session.add(
            RecoveryCode(id=row_id, account_id=account_id, code=_digest(ring, account_id, row_id, code), created_at=now)
        )
    await session.flush()
    return codes


async def take_code(session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, typed: str, now: datetime) -> bool:
    """Use a code up, if it is one that is left; the caller holds the account's row, so that no two use the same."""
    code = normal(typed)
    rows = await session.scalars(
        select(RecoveryCode).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    )
    found = [row for row in rows if same(row.code, _digest(ring, account_id, row.id, code))]
    for row in found:
        row.used_at = now
    await session.flush()
    return bool(found)


async def count_codes(session: AsyncSession, account_id: uuid.UUID) -> int:
    """Count the codes that are left."""
    left = await session.scalar(
        select(func.count())
        .select_from(RecoveryCode)
        .where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    )
    return left or 0


async def end_codes(session: AsyncSession, account_id: uuid.UUID) -> None:
    await session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def normal(typed: str) -> str:
    """Return a code as it was drawn: without what people type between and around, and with its look-alikes read."""
    return "".join(char for char in typed[:_TYPED_LONGEST].upper() if char.isalnum()).translate(LOOK_ALIKES)


def shown(code: str) -> str:
    """Split a code for the eye: 7K4M2-QX9TB."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def _digest(ring: KeyRing, account_id: uuid.UUID, row_id: uuid.UUID, code: str) -> bytes:
    return ring.digest("pepper", f"recovery/{account_id.hex}/{row_id.hex}", code)
