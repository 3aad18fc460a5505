"""Accounts age by their owner's absence: warned, switched off, ended; to the second, once, whenever the job runs."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.ageing import Ages, age_accounts
from service.blobs import Blobs
from service.core.states import AccountState, Envelope, Letter
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Delivery, Outbox, Recipient, Session
from service.letters.compose import compose
from service.letters.queue import open_payload
from service.vault.ring import KeyRing
from tests.letters.builders import BRAND, SENT, Post

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
AGES = Ages(inactive=90 * DAY, warning=14 * DAY, grace=30 * DAY)
Rings = dict[str, KeyRing]


@pytest.fixture
def at(db: Database, rings: Rings) -> Any:
    """Run the job so long after the last sign-in; return what the owner was told so far."""

    async def run(after: timedelta, ages: Ages = AGES) -> list[str]:
        await age_accounts(db, rings["sync"], ages, SENT + after)
        return await told(db, rings)

    return run


async def told(db: Database, rings: Rings) -> list[str]:
    async with db.reading() as session:
        rows = await session.scalars(
            select(Outbox).where(Outbox.letter == Letter.ACCOUNT).order_by(Outbox.created_at, Outbox.once)
        )
        return [open_payload(rings["sync"], row).get("kind", "taken back") for row in rows.all()]


async def an_account(
    db: Database, rings: Rings, blobs: Blobs, *, waits_until: timedelta | None = None, **changes: Any
) -> uuid.UUID:
    """Add an account whose owner signed in at SENT, with a signed-in browser; and a message that waits until then."""
    async with db.writing() as session:
        post = Post(session, rings, blobs)
        values = {"last_sign_in_at": SENT, "created_at": SENT - 300 * DAY, **changes}
        recipient = await post.a_recipient(account="en", **values)
        session.add(Session(token_hash=b"1", account_id=recipient.id, created_at=SENT, seen_at=SENT))
        if waits_until is not None:
            message = await post.a_message(expires_at=SENT + waits_until)
            await post.a_delivery(message, recipient)
    return recipient.id


async def state(db: Database) -> AccountState | None:
    async with db.reading() as session:
        return (await session.scalars(select(Account.state))).one_or_none()


async def verbs(db: Database) -> list[str]:
    async with db.reading() as session:
        return list(await session.scalars(select(AuditEntry.verb).order_by(AuditEntry.seq)))


@pytest.mark.parametrize("before", [AccountState.ACTIVE, AccountState.LOCKED])
async def test_owner_is_warned_once_two_weeks_before(
    db: Database, rings: Rings, blobs: Blobs, at: Any, before: AccountState
):
    await an_account(db, rings, blobs, state=before)
    assert await at(76 * DAY - SECOND) == []
    assert await at(76 * DAY) == ["ending_soon"]
    assert await at(76 * DAY + SECOND) == ["ending_soon"]
    assert await state(db) is before
    assert await verbs(db) == ["account.warned"]
    async with db.reading() as session:
        row = (await session.scalars(select(Outbox))).one()
        row.mailer = "safemail@ct.gov"
        mail = (await compose(session, rings["sync"], row, BRAND, SENT + 76 * DAY, blobs=blobs)).outgoing
    assert "December 21, 2026" in " ".join(mail.text.split())  # September 22 and 90 days


async def test_owner_who_signs_in_is_warned_anew_after_the_next_absence(
    db: Database, rings: Rings, blobs: Blobs, at: Any
):
    account_id = await an_account(db, rings, blobs)
    await at(76 * DAY)
    async with db.writing() as session:
        values = {"last_sign_in_at": SENT + 80 * DAY}
        await session.execute(update(Account).where(Account.id == account_id).values(values))
    assert await at(156 * DAY - SECOND) == ["ending_soon"]
    assert await at(156 * DAY) == ["ending_soon", "ending_soon"]


@pytest.mark.parametrize("before", [AccountState.ACTIVE, AccountState.LOCKED])
async def test_account_is_switched_off_at_its_day_and_its_browsers_signed_out(
    db: Database, rings: Rings, blobs: Blobs, at: Any, before: AccountState
):
    await an_account(db, rings, blobs, state=before)
    assert await at(90 * DAY - SECOND) == ["ending_soon"]
    assert await state(db) is before
    assert await at(90 * DAY) == ["ending_soon", "disabled"]
    assert await at(90 * DAY + SECOND) == ["ending_soon", "disabled"]
    assert await state(db) is AccountState.DISABLED
    assert await verbs(db) == ["account.warned", "account.disabled"]
    async with db.reading() as session:
        assert (await session.scalars(select(Session))).all() == []
        assert (await session.scalars(select(Account.disabled_at))).one() == SENT + 90 * DAY


async def test_account_that_never_signed_in_ages_from_its_making(db: Database, rings: Rings, blobs: Blobs, at: Any):
    await an_account(db, rings, blobs, created_at=SENT, last_sign_in_at=None)
    await at(90 * DAY - SECOND)
    assert await state(db) is AccountState.ACTIVE
    await at(90 * DAY)
    assert await state(db) is AccountState.DISABLED


async def test_account_is_ended_after_its_grace(db: Database, rings: Rings, blobs: Blobs, at: Any):
    account_id = await an_account(db, rings, blobs)
    await at(90 * DAY)
    await at(120 * DAY - SECOND)
    assert await state(db) is AccountState.DISABLED
    assert "closed" in await at(120 * DAY)
    assert await state(db) is None
    async with db.reading() as session:
        recipient = await session.get_one(Recipient, account_id)
        assert recipient.ended_at == SENT + 120 * DAY
    assert (await at(121 * DAY)).count("closed") == 1


async def test_what_waits_keeps_an_account_until_it_is_over(db: Database, rings: Rings, blobs: Blobs, at: Any):
    await an_account(db, rings, blobs, waits_until=125 * DAY)
    await at(90 * DAY)
    await at(125 * DAY - SECOND)
    assert await state(db) is AccountState.DISABLED
    await at(125 * DAY)
    assert await state(db) is None


@pytest.mark.parametrize("special", [{"revoked_at": SENT}, {"envelope": Envelope.OWN}])
async def test_what_cannot_be_read_or_is_ones_own_keeps_no_account(
    db: Database, rings: Rings, blobs: Blobs, at: Any, special: dict[str, Any]
):
    await an_account(db, rings, blobs, waits_until=125 * DAY)
    async with db.writing() as session:
        await session.execute(update(Delivery).values(special))
    await at(90 * DAY)
    await at(120 * DAY)
    assert await state(db) is None


async def test_without_grace_an_account_ends_in_the_run_that_switches_it_off(
    db: Database, rings: Rings, blobs: Blobs, at: Any
):
    await an_account(db, rings, blobs)
    ages = Ages(90 * DAY, timedelta(0), timedelta(0))
    assert await at(90 * DAY - SECOND, ages) == []
    assert "closed" in await at(90 * DAY, ages)
    assert await state(db) is None


async def test_without_grace_what_waits_still_keeps_it_switched_off(db: Database, rings: Rings, blobs: Blobs, at: Any):
    await an_account(db, rings, blobs, waits_until=91 * DAY)
    ages = Ages(90 * DAY, timedelta(0), timedelta(0))
    assert await at(90 * DAY, ages) == ["disabled"]
    assert await state(db) is AccountState.DISABLED


async def test_without_a_limit_no_account_ages(db: Database, rings: Rings, blobs: Blobs, at: Any):
    await an_account(db, rings, blobs)
    assert await at(9999 * DAY, Ages(timedelta(0), 14 * DAY, timedelta(0))) == []
    assert await state(db) is AccountState.ACTIVE


async def test_a_warning_longer_than_the_limit_is_given_at_once(db: Database, rings: Rings, blobs: Blobs, at: Any):
    await an_account(db, rings, blobs)
    assert await at(SECOND, Ages(10 * DAY, 14 * DAY, timedelta(0))) == ["ending_soon"]


async def test_guest_ends_when_nothing_waits_and_nobody_is_told(db: Database, rings: Rings, blobs: Blobs, at: Any):
    await an_account(db, rings, blobs, state=AccountState.GUEST, waits_until=95 * DAY)
    for after in (76 * DAY, 90 * DAY, 95 * DAY - SECOND):
        assert await at(after) == []
        assert await state(db) is AccountState.GUEST
    assert await at(95 * DAY) == []
    assert await state(db) is None


async def test_guest_who_was_here_lately_stays(db: Database, rings: Rings, blobs: Blobs, at: Any):
    await an_account(db, rings, blobs, state=AccountState.GUEST)
    await at(90 * DAY - SECOND)
    assert await state(db) is AccountState.GUEST
    await at(90 * DAY)
    assert await state(db) is None


async def test_a_late_run_switches_off_without_a_warning(db: Database, rings: Rings, blobs: Blobs, at: Any):
    await an_account(db, rings, blobs)
    assert await at(100 * DAY) == ["disabled"]


async def test_more_than_a_batch_ages_in_one_run(sqlite_url: str, rings: Rings, blobs: Blobs):
    db = Database(sqlite_url)
    async with db.writing() as session:
        post = Post(session, rings, blobs)
        for number in range(105):
            await post.a_recipient(f"r{number}@example.com", account="en", last_sign_in_at=SENT)
    await age_accounts(db, rings["sync"], AGES, SENT + 90 * DAY)
    async with db.reading() as session:
        states = select(func.count()).where(Account.state == AccountState.DISABLED)
        assert await session.scalar(states) == 105
        assert await session.scalar(select(func.count()).select_from(Outbox)) == 105
    await db.close()


class Killed(BaseException):
    """The process ends here."""


class DyingDatabase(Database):
    """A database whose process is killed before its n-th commit."""

    lives = 0

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        async with super().writing() as session:
            yield session
            if self.lives == 0:
                raise Killed
            self.lives -= 1


@pytest.mark.parametrize("lives", range(4))
async def test_killed_between_commits_the_next_run_goes_on(
    database_url: str, db: Database, rings: Rings, blobs: Blobs, at: Any, lives: int
):
    await an_account(db, rings, blobs)
    ages = Ages(90 * DAY, 14 * DAY, timedelta(0))
    dying, now = DyingDatabase(database_url), SENT + 90 * DAY
    dying.lives = lives
    with pytest.raises(Killed):
        await age_accounts(dying, rings["sync"], ages, now)
    await dying.close()
    letters = await at(90 * DAY, ages)
    assert letters.count("closed") == 1
    assert await state(db) is None
    assert await verbs(db) == ["account.disabled", "account.close"]


async def test_a_sign_in_at_the_same_moment_wins(db: Database, rings: Rings, blobs: Blobs, at: Any):
    account_id = await an_account(db, rings, blobs)
    async with db.writing() as session:
        now: datetime = SENT + 90 * DAY
        await session.execute(update(Account).where(Account.id == account_id).values(last_sign_in_at=now))
    assert await at(90 * DAY) == []
    assert await state(db) is AccountState.ACTIVE
