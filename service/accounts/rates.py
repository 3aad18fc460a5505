"""Limits on rates (GCRA, one row per limited thing): atomic on both databases, and no address is stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Float, bindparam, case
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from service.db.tables import Rate
from service.errors import Refused
from service.vault.ring import KeyRing


class TooMany(Refused):
    """Too many requests; `seconds` says how long to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `times` in `period`, then one each `period / times`."""

    name: str
    times: int
    period: timedelta

    @property
    def step(self) -> float:
        return self.period.total_seconds() / self.times


CODES = Limit("codes", 5, timedelta(hours=1))
"""Account letters to one address."""
SIGN_INS = Limit("sign-ins", 100, timedelta(hours=1))
"""Failed sign-ins from one network, which may be a whole office."""
CURRENT = Limit("current", 10, timedelta(hours=1))
"""Wrong current passwords of one account, at its change."""
FACTORS = Limit("factors", 20, timedelta(hours=24))
"""Wrong codes at the second step, of one account and one browser that knows it, or of all strangers together.

A guess hits one of three codes in a million: a year of such days finds one in fifty accounts whose password is known.
"""
PASSKEYS = Limit("passkeys", 200, timedelta(hours=1))
"""Passkeys asked for by one network, which may be a whole office."""
LETTERS = Limit("letters", 1, timedelta(hours=1))
LETTERS_AN_HOUR = 3
"""Hints and links to one address: so many places, each taken for an hour."""
ASKS = Limit("asks", 30, timedelta(hours=1))
"""Hints and links asked for by one network, which may be a whole office."""

SENDS = Limit("sends", 60, timedelta(hours=1))
"""Messages of one account to staff: whoever writes by hand gets nowhere near, and nobody floods offices and disks."""
CHECKS = Limit("checks", 20, timedelta(minutes=10))
"""References asked after by one network, which may be a whole office."""


async def allow(session: AsyncSession, ring: KeyRing, limit: Limit, of: str, now: datetime) -> bool:
    """Count one, where there is room; inside the caller's writing transaction."""
    at = now.timestamp()
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    now_ = bindparam("now_", at, Float)
    later = case((Rate.tat > now_, Rate.tat), else_=now_)
    statement = (
        dialect.insert(Rate)
        .values(key=_key(ring, limit, of), tat=at + limit.step)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={"tat": later + limit.step},
            where=later + limit.step - now_ <= limit.period.total_seconds(),
        )
        .returning(Rate.tat)
    )
    return await session.scalar(statement) is not None


async def demand(session: AsyncSession, ring: KeyRing, limit: Limit, of: str, now: datetime) -> None:
    """Count one. Raises TooMany where there is no room."""
    if not await allow(session, ring, limit, of, now):
        raise TooMany(await seconds_left(session, ring, limit, of, now))


async def seconds_left(session: AsyncSession, ring: KeyRing, limit: Limit, of: str, now: datetime) -> float:
    """Say how long until one more is allowed; 0 where it is now."""
    rate = await session.get(Rate, _key(ring, limit, of))
    if rate is None:
        return 0
    return max(0.0, rate.tat - now.timestamp() + limit.step - limit.period.total_seconds())


def _key(ring: KeyRing, limit: Limit, of: str) -> bytes:
    return ring.digest("index", f"rate/{limit.name}", of)
