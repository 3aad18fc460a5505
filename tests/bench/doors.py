"""Whether the doors tell by their time who has an account: each state of an address, beside an address unknown to us.

The portal's own app with its production cost of passwords, over SQLite with synchronous=FULL. A round asks each once,
in an order of its own, so that what else the machine does falls on all. The note's share says how often a random
answer to it was slower than a random answer to an unknown address: 50 % tells nothing.
"""

import asyncio
import random
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from quart import Quart
from sqlalchemy import update

from service.accounts.registering import sealed_name
from service.blobs import Blobs
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account
from service.db.upgrade import upgrade
from service.portal.app import create_app
from service.portal.state import cost_of
from service.recipients import new_recipient
from service.settings import PortalSettings
from service.vault.passwords import hash_password
from service.vault.ring import ROLES, KeyRing, make_ring
from service.vault.tokens import csrf_of
from tests.bench.rows import Row, spread

ROUNDS, WARM = 120, 10
HOST = "safemail.example.gov"
UNKNOWN = "an unknown address"
STATES = {
    "an account": AccountState.ACTIVE,
    "a locked account": AccountState.LOCKED,
    "an account that is switched off": AccountState.DISABLED,
    "a guest": AccountState.GUEST,
}
DOORS = {
    "sign-in with a wrong password": "/sign-in",
    "asking for a hint": "/forgot/hint",
    "asking for a link": "/forgot/reset",
}
Times = dict[tuple[str, str], list[float]]


class Hours:
    """A clock that each round finds hours later, so that no limit on a rate answers in place of the door."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="safemail-bench-") as folder:
        times = asyncio.run(_measure(Path(folder)))
    for door in DOORS:
        unknown = times[door, UNKNOWN]
        for who in STATES:
            found = times[door, who]
            note = f"median of {spread(found, 'ms')}; slower than {UNKNOWN}: {_slower(found, unknown):.0%}"
            yield Row(f"{door}, {who}", median(found), "ms", UNKNOWN, median(unknown), note)


def _slower(found: Sequence[float], than: Sequence[float]) -> float:
    """Return how often one of the first is slower than one of the second: 0.5 where they cannot be told apart."""
    return sum(one > other for one in found for other in than) / (len(found) * len(than))


async def _measure(folder: Path) -> Times:
    url = f"sqlite+aiosqlite:///{folder}/safemail.db"
    make_ring(folder / "ring", datetime.now(UTC))
    rings = {role: KeyRing(folder / "ring" / role) for role in ROLES}
    settings = PortalSettings(
        database=url, public_url=f"https://{HOST}", blobs="memory:", keys=folder / "ring" / "portal", trusted_hops=1
    )
    await upgrade(url)
    db, clock = Database(url), Hours()
    try:
        app = create_app(settings, db, Blobs("memory:"), rings["portal"], clock)
        for who, state in STATES.items():
            await _add(db, rings, settings, _address(who), state, clock())
        return await _ask_all(app, db, clock)
    finally:
        await db.close()


async def _ask_all(app: Quart, db: Database, clock: Hours) -> Times:
    times: Times = {(door, who): [] for door in DOORS for who in (UNKNOWN, *STATES)}
    order = list(times)
    for number in range(WARM + ROUNDS):
        random.shuffle(order)
        clock.now += timedelta(hours=2)
        async with db.writing() as session:  # or the tenth wrong password would lock
            await session.execute(update(Account).values(failures=0))
        for door, who in order:
            seconds = await _ask(app, DOORS[door], _address(who), number)
            if number >= WARM:
                times[door, who].append(seconds * 1000)
    return times


async def _ask(app: Quart, path: str, address: str, number: int) -> float:
    client = app.test_client(use_cookies=False)
    headers = {
        "Host": HOST,
        "Sec-Fetch-Site": "same-origin",
        "Cookie": "__Host-safemail-pre=same",
        "X-Forwarded-For": f"198.51.100.{number % 250}",
    }
    form = {"csrf": csrf_of("same"), "email": address, "password": "a wrong password"}
    began = time.perf_counter()
    answer = await client.post(path, headers=headers, form=form)
    took = time.perf_counter() - began
    if answer.status_code not in {200, 401}:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return took


async def _add(
    db: Database, rings: dict[str, KeyRing], settings: PortalSettings, address: str, state: AccountState, now: datetime
) -> None:
    recipient = new_recipient(rings["sync"], address, now)
    is_guest = state is AccountState.GUEST
    stored = hash_password(rings["portal"], secrets.token_hex(), recipient.id, cost_of(settings))
    async with db.writing() as session:
        session.add(recipient)
        await session.flush()
        session.add(
            Account(
                id=recipient.id,
                state=state,
                password="" if is_guest else stored,
                password_at=now,
                name=sealed_name(recipient, "Rosa", "Jimenez"),
                created_at=now,
            )
        )


def _address(who: str) -> str:
    return f"{who.replace(' ', '.')}@example.com"
