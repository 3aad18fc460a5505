"""Many at once, on both databases: counts hold, one account is made, one more is never let through."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from service.accounts.factors.second_step import NeedsCode
from service.accounts.hashing import NOBODY, HashGate
from service.accounts.links import get_by_link
from service.accounts.rates import Limit, allow, seconds_left
from service.accounts.registering import Tried, get_flow, save_account, try_code
from service.accounts.sessions import add_session, find_session, touch_session
from service.accounts.signing_in import Attempt, CameIn, NotSignedIn, sign_in
from service.core.browsers import Browser
from service.core.rules import AS_SHIPPED
from service.core.states import AccountState, Letter
from service.db.tables import Account, AuditEntry, Outbox
from service.errors import TryAgain
from service.letters.queue import open_payload
from tests.accounts.conftest import CHEAP, PASSWORD, World
from tests.mailbox.builders import BOB


async def attempt(world: World, password: str, address: str = BOB, device: str = "") -> CameIn | NotSignedIn:
    given = Attempt(address, password, device, "192.0.2.1")
    result = await sign_in(world.db, world.ring, world.gate, given, world.clock())
    assert not isinstance(result, NeedsCode)
    return result


async def test_twenty_wrong_guesses_at_once_lock_after_ten(world: World) -> None:
    account_id = await world.register()
    results = await asyncio.gather(*(attempt(world, "wrong") for _ in range(20)))
    assert set(results) == {NotSignedIn.WRONG}
    account = await world.account(account_id)
    assert account.state is AccountState.LOCKED
    assert account.locked_at == world.clock()
    assert account.failures == 20
    async with world.db.reading() as session:
        verbs = (await session.scalars(select(AuditEntry.verb).order_by(AuditEntry.seq))).all()
    assert verbs[0] == "account.create"
    assert "account.lock" in verbs
    assert await attempt(world, PASSWORD) is NotSignedIn.WRONG


async def test_right_password_among_wrong_ones_opens_one_session(world: World) -> None:
    account_id = await world.register()
    first = await attempt(world, PASSWORD)
    assert isinstance(first, CameIn)
    assert first.account_id == account_id
    async with world.db.reading() as session:
        found = await find_session(session, world.ring, AS_SHIPPED, first.tokens.session, world.clock())
    assert found is not None
    assert found.account.id == account_id


async def test_rehash_follows_a_change_of_cost(world: World) -> None:
    account_id = await world.register()
    before = (await world.account(account_id)).password
    world.gate.cost = type(CHEAP)(memory_kib=16, time=1)
    assert isinstance(await attempt(world, PASSWORD), CameIn)
    after = (await world.account(account_id)).password
    assert before.split("$")[1] == "8"
    assert after.split("$")[1] == "16"
    assert isinstance(await attempt(world, PASSWORD), CameIn)


async def test_twenty_wrong_codes_at_once_count_five(world: World) -> None:
    delivery = await world.deliver()
    token = await world.start(delivery)

    async def guess() -> Tried:
        async with world.db.writing() as session:
            flow = await get_flow(session, world.ring, token, world.clock(), for_update=True)
            assert flow is not None
            return try_code(world.ring, flow, "x", world.clock())

    results = await asyncio.gather(*(guess() for _ in range(20)))
    assert results.count(Tried.WRONG) == 4
    assert results.count(Tried.NO_TRIES) == 16
    flow = await world.flow(token)
    assert flow is not None
    assert flow.code.tries == 5


async def test_saving_twice_at_once_makes_one_account(world: World) -> None:
    delivery = await world.deliver()
    tokens = [await world.start(delivery), await world.start(delivery)]
    new = await world.new_account(delivery.recipient_id)
    for token in tokens:
        async with world.db.writing() as session:
            flow = await get_flow(session, world.ring, token, world.clock(), for_update=True)
            assert flow is not None
            world.prove(flow)

    async def save(token: str) -> bool:
        async with world.db.writing() as session:
            flow = await get_flow(session, world.ring, token, world.clock())
            return (
                flow is not None
                and await save_account(session, world.ring, flow, new, Browser(), world.clock()) is not None
            )

    assert sorted(await asyncio.gather(*(save(token) for token in tokens))) == [False, True]
    async with world.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Account)) == 1


async def test_rate_lets_exactly_its_number_through(world: World) -> None:
    limit = Limit("test", 3, timedelta(minutes=3))

    async def one() -> bool:
        async with world.db.writing() as session:
            return await allow(session, world.ring, limit, "bob", world.clock())

    assert sum(await asyncio.gather(*(one() for _ in range(20)))) == 3
    async with world.db.reading() as session:
        assert await seconds_left(session, world.ring, limit, "bob", world.clock()) == pytest.approx(60)
        assert await seconds_left(session, world.ring, limit, "carol", world.clock()) == 0
    world.clock.advance(timedelta(seconds=59))
    assert not await one()
    world.clock.advance(timedelta(seconds=1))
    assert await one()
    assert not await one()
    world.clock.advance(timedelta(minutes=3))
    assert [await one(), await one(), await one(), await one()] == [True, True, True, False]


async def test_code_letter_is_committed_with_its_flow(world: World) -> None:
    delivery = await world.deliver()
    await world.start(delivery)
    async with world.db.reading() as session:
        row = (await session.scalars(select(Outbox).where(Outbox.letter == Letter.CODE))).one()
    payload = open_payload(world.sync, row)
    assert payload.keys() == {"to", "code", "language"}
    assert len(payload["code"]) == 6
    assert row.recipient_id == delivery.recipient_id


async def test_dead_session_stays_dead_after_the_next_sign_in(world: World) -> None:
    account_id = await world.register()
    async with world.db.writing() as session:
        old = await add_session(session, world.ring, account_id, None, world.clock())
    world.clock.advance(timedelta(minutes=15))
    async with world.db.writing() as session:
        assert await find_session(session, world.ring, AS_SHIPPED, old, world.clock()) is None
        await touch_session(session, uuid.uuid4(), world.clock())
        await add_session(session, world.ring, account_id, None, world.clock())
        assert await session.scalar(select(func.count()).select_from(Account)) == 1
    async with world.db.reading() as session:
        assert await find_session(session, world.ring, AS_SHIPPED, old, world.clock()) is None


async def test_link_of_any_length_is_looked_up_safely(world: World) -> None:
    async with world.db.reading() as session:
        for token in ("", "x", "\udcff", "x" * 10_000, "'; DROP TABLE deliveries; --"):
            assert await get_by_link(session, token, world.clock()) is None


async def test_gate_lets_few_hashes_run_and_turns_the_rest_away(world: World) -> None:
    gate = HashGate(world.ring, type(CHEAP)(memory_kib=32_768, time=3), at_once=1, wait_seconds=0.01)
    results = await asyncio.gather(*(gate.hash("x", NOBODY) for _ in range(4)), return_exceptions=True)
    assert any(isinstance(result, TryAgain) for result in results)
    assert any(isinstance(result, str) for result in results)
    assert await gate.is_password("x", NOBODY, await gate.hash("x", NOBODY))


async def test_unknown_account_costs_a_hash_too(world: World) -> None:
    assert not await world.gate.is_password("nobody's", NOBODY, "")
