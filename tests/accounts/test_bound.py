"""A writer to the database, who holds no key, gets in as nobody: rows made up, and rows moved to another owner."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from service.accounts.bound import bind_row, is_row_bound
from service.accounts.devices import add_device, get_device
from service.accounts.forgotten import get_reset
from service.accounts.registering import Tried, get_flow, try_code
from service.accounts.sessions import add_session, find_session, has_fresh_proof, mark_proven
from service.accounts.signing_in import CameIn, NotSignedIn
from service.core.browsers import Browser
from service.core.limits import PROOF_LIFE
from service.core.rules import AS_SHIPPED
from service.core.states import Letter, Step
from service.db.tables import Account, Challenge, Code, Device, Outbox, Passkey, Recipient, Reset, Session
from service.errors import SealBroken
from service.letters.queue import open_payload
from service.recipients import get_by_address, mailing_address
from service.vault.binding import moment
from service.vault.box import seal_box
from service.vault.ring import KeyRing
from service.vault.tokens import new_token
from tests.accounts.conftest import PASSWORD, World
from tests.accounts.test_forgotten import asked, told
from tests.accounts.test_together import attempt
from tests.conftest import NOW
from tests.mailbox.builders import BOB, CAROL

SAFARI = Browser("Safari", "iPhone")


@dataclass
class Two:
    """Bob, whom somebody wants to be, and Carol, whose rows that somebody has."""

    world: World
    bob: uuid.UUID
    carol: uuid.UUID

    async def write(self, table: Any, whose: Any, **values: Any) -> None:
        async with self.world.db.writing() as session:
            await session.execute(update(table).where(whose).values(**values))


@pytest.fixture
async def two(world: World) -> Two:
    return Two(world, await world.register(BOB), await world.register(CAROL))


async def is_in(world: World, token: str) -> uuid.UUID | None:
    async with world.db.reading() as session:
        found = await find_session(session, world.ring, AS_SHIPPED, token, world.clock())
    return found.account.id if found is not None else None


async def test_session_moved_to_another_account_opens_nothing(two: Two) -> None:
    world = two.world
    async with world.db.writing() as session:
        token = await add_session(session, world.ring, two.carol, None, world.clock())
    assert await is_in(world, token) == two.carol
    await two.write(Session, Session.account_id == two.carol, account_id=two.bob)
    assert await is_in(world, token) is None


async def test_session_made_up_opens_nothing(two: Two) -> None:
    world = two.world
    async with world.db.writing() as session:
        await add_session(session, world.ring, two.carol, None, world.clock())
        [row] = (await session.scalars(select(Session).where(Session.account_id == two.carol).limit(1))).all()
        tokens = []
        for bound in (None, b"", bytes(32), row.bound):
            token, token_hash = new_token()
            tokens.append(token)
            session.add(
                Session(
                    token_hash=token_hash,
                    account_id=two.bob,
                    created_at=world.clock(),
                    seen_at=world.clock(),
                    bound=bound,
                )
            )
    assert [await is_in(world, token) for token in tokens] == [None] * 4


async def test_session_cannot_be_made_younger_or_proven(two: Two) -> None:
    world = two.world
    async with world.db.writing() as session:
        token = await add_session(session, world.ring, two.carol, None, world.clock())
    later = world.clock() + timedelta(minutes=10)
    await two.write(Session, Session.account_id == two.carol, created_at=later)
    assert await is_in(world, token) is None
    await two.write(Session, Session.account_id == two.carol, created_at=world.clock(), proven_at=later)
    assert await is_in(world, token) is None
    await two.write(Session, Session.account_id == two.carol, proven_at=world.clock())
    assert await is_in(world, token) == two.carol


async def test_device_moved_to_another_account_is_a_stranger_there(two: Two) -> None:
    world = two.world
    async with world.db.writing() as session:
        _, token = await add_device(session, world.ring, two.carol, SAFARI, world.clock())
    await two.write(Device, Device.account_id == two.carol, account_id=two.bob)
    async with world.db.reading() as session:
        assert await get_device(session, world.ring, two.bob, token, world.clock()) is None
    await two.write(Device, Device.account_id == two.bob, account_id=two.carol)
    async with world.db.reading() as session:
        found = await get_device(session, world.ring, two.carol, token, world.clock())
    assert found is not None
    assert (found.browser, found.system) == ("Safari", "iPhone")


async def a_code(world: World, row_id: uuid.UUID | None = None) -> str:
    async with world.db.reading() as session:
        rows = await session.scalars(select(Outbox).where(Outbox.letter == Letter.CODE).order_by(Outbox.created_at))
        payloads = {row.once.split("/")[1]: open_payload(world.sync, row)["code"] for row in rows}
    return str(payloads[row_id.hex] if row_id else list(payloads.values())[-1])


async def try_it(world: World, token: str, code: str) -> Tried | None:
    async with world.db.writing() as session:
        flow = await get_flow(session, world.ring, token, world.clock(), for_update=True)
        return try_code(world.ring, flow, code, world.clock()) if flow is not None else None


async def test_code_moved_to_another_message_is_wrong_there(world: World) -> None:
    for_bob, for_carol = await world.deliver(BOB), await world.deliver(CAROL)
    token = await world.start(for_carol, CAROL)
    code = await a_code(world)
    async with world.db.writing() as session:
        await session.execute(update(Code).values(recipient_id=for_bob.recipient_id, delivery_id=for_bob.id))
    assert await try_it(world, token, code) is Tried.WRONG
    async with world.db.writing() as session:
        await session.execute(update(Code).values(recipient_id=for_carol.recipient_id, delivery_id=for_carol.id))
    assert await try_it(world, token, code) is Tried.RIGHT


async def test_proven_code_moved_or_made_up_proves_nothing(world: World) -> None:
    for_bob, for_carol = await world.deliver(BOB), await world.deliver(CAROL)
    token = await world.start(for_carol, CAROL)
    async with world.db.writing() as session:
        await session.execute(update(Code).values(proven_at=world.clock()))
    assert await world.flow(token) is None
    async with world.db.writing() as session:
        await session.execute(update(Code).values(proven_at=None))
    assert await try_it(world, token, await a_code(world)) is Tried.RIGHT
    assert await world.flow(token) is not None
    async with world.db.writing() as session:
        await session.execute(update(Code).values(delivery_id=for_bob.id, recipient_id=for_bob.recipient_id))
    assert await world.flow(token) is None


async def reset_of(world: World, token: str) -> uuid.UUID | None:
    async with world.db.reading() as session:
        found = await get_reset(session, world.ring, token, world.clock())
    return found.account.id if found is not None else None


async def test_link_moved_made_up_or_prolonged_opens_nothing(two: Two) -> None:
    world = two.world
    await asked(world, address=CAROL)
    [letter] = await told(world)
    token = str(letter["token"])
    assert await reset_of(world, token) == two.carol
    await two.write(Reset, Reset.account_id == two.carol, account_id=two.bob)
    assert await reset_of(world, token) is None
    await two.write(Reset, Reset.account_id == two.bob, account_id=two.carol)
    assert await reset_of(world, token) == two.carol
    await two.write(Reset, Reset.account_id == two.carol, expires_at=world.clock() + timedelta(days=1))
    assert await reset_of(world, token) is None
    made_up, token_hash = new_token()
    later = world.clock() + timedelta(minutes=30)
    async with world.db.writing() as session:
        session.add(Reset(account_id=two.bob, token_hash=token_hash, created_at=NOW, expires_at=later, bound=bytes(32)))
    assert await reset_of(world, made_up) is None


async def test_password_of_one_account_is_none_of_another(two: Two) -> None:
    world = two.world
    carols = await world.gate.hash("Carol knows this one", two.carol)
    await two.write(Account, Account.id == two.carol, password=carols)
    assert isinstance(await attempt(world, "Carol knows this one", CAROL), CameIn)
    await two.write(Account, Account.id == two.bob, password=carols)
    assert await attempt(world, "Carol knows this one", BOB) is NotSignedIn.WRONG
    assert isinstance(await attempt(world, "Carol knows this one", CAROL), CameIn)


async def test_address_moved_to_another_recipient_is_refused_by_all(two: Two) -> None:
    world = two.world
    async with world.db.reading() as session:
        bob, carol = await session.get_one(Recipient, two.bob), await session.get_one(Recipient, two.carol)
    await two.write(Recipient, Recipient.id == two.bob, ended_at=NOW)
    await two.write(Recipient, Recipient.id == two.carol, address_index=bob.address_index)
    for ring in (world.ring, world.sync):
        async with world.db.reading() as session:
            with pytest.raises(SealBroken):
                await get_by_address(session, ring, BOB)
    async with world.db.reading() as session:
        moved = await session.get_one(Recipient, two.carol)
        with pytest.raises(SealBroken):
            mailing_address(world.sync, moved)
        assert mailing_address(world.sync, carol) == CAROL


async def test_letters_go_to_no_address_but_the_recipients_own(two: Two, rings: dict[str, KeyRing]) -> None:
    """Anybody can seal to the mailer: the box alone does not say that we did."""
    forged = seal_box(rings["sync"], "mailer", f"recipients/{two.bob.hex}", b"eve@example.net")
    await two.write(Recipient, Recipient.id == two.bob, address_mailer=forged)
    async with two.world.db.reading() as session:
        row = await session.get_one(Recipient, two.bob)
    with pytest.raises(SealBroken):
        mailing_address(two.world.sync, row)


async def test_nothing_is_sealed_to_a_key_that_was_put_in_place_of_the_recipients(two: Two) -> None:
    async with two.world.db.reading() as session:
        carol = await session.get_one(Recipient, two.carol)
    await two.write(Recipient, Recipient.id == two.bob, public_key=carol.public_key)
    async with two.world.db.reading() as session:
        with pytest.raises(SealBroken):
            await get_by_address(session, two.world.sync, BOB)


async def test_passkey_and_step_are_bound_to_their_owner(two: Two) -> None:
    world = two.world
    passkey = Passkey(
        account_id=two.carol, credential_id=b"c", public_key=b"k", sign_count=0, name=b"", created_at=world.clock()
    )
    token_hash = new_token()[1]
    step = Challenge(
        step=Step.SECOND_FACTOR,
        token_hash=token_hash,
        account_id=two.carol,
        created_at=world.clock(),
        expires_at=world.clock(),
    )
    async with world.db.writing() as session:
        for row in (passkey, step):
            bind_row(world.ring, row)
            session.add(row)
    async with world.db.reading() as session:
        rows = [*await session.scalars(select(Passkey)), *await session.scalars(select(Challenge))]
        assert [is_row_bound(world.ring, row) for row in rows] == [True, True]
    await two.write(Passkey, Passkey.account_id == two.carol, account_id=two.bob)
    await two.write(Challenge, Challenge.account_id == two.carol, account_id=two.bob)
    async with world.db.reading() as session:
        rows = [*await session.scalars(select(Passkey)), *await session.scalars(select(Challenge))]
        assert [is_row_bound(world.ring, row) for row in rows] == [False, False]


async def test_proof_is_fresh_for_five_minutes_and_renewed_by_another(two: Two) -> None:
    world = two.world
    async with world.db.writing() as session:
        token = await add_session(session, world.ring, two.bob, None, world.clock())

    async def row() -> Session:
        async with world.db.reading() as session:
            found = await find_session(session, world.ring, AS_SHIPPED, token, world.clock())
        assert found is not None
        return found.session

    world.clock.advance(PROOF_LIFE - timedelta(microseconds=1))
    assert has_fresh_proof(await row(), world.clock())
    world.clock.advance(timedelta(microseconds=1))
    assert not has_fresh_proof(await row(), world.clock())
    async with world.db.writing() as session:
        await mark_proven(session, world.ring, (await row()).id, world.clock())
    assert has_fresh_proof(await row(), world.clock())


async def test_many_links_at_once_leave_one_that_is_bound(two: Two) -> None:
    world = two.world
    await asyncio.gather(*(asked(world) for _ in range(3)))
    opened = [await reset_of(world, str(letter["token"])) for letter in await told(world)]
    assert opened.count(two.bob) == 1
    assert opened.count(None) == 2


def test_moment_is_the_same_from_either_database() -> None:
    at = datetime.fromisoformat("2026-11-24T10:30:00.000001-05:00")
    assert moment(at) == b"2026-11-24T15:30:00.000001+00:00"
    assert moment(None) == b""
    with pytest.raises(ValueError, match="zone"):
        moment(at.replace(tzinfo=None))


async def test_right_password_still_opens_a_session_of_its_own(two: Two) -> None:
    came_in = await attempt(two.world, PASSWORD, BOB)
    assert isinstance(came_in, CameIn)
    assert await is_in(two.world, came_in.tokens.session) == two.bob
