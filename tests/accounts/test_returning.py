"""Coming back and reading with a code, at once and on each database."""

import asyncio
import uuid

from sqlalchemy import func, select, update

from service.accounts.coming_in import Tokens
from service.accounts.factors.second_step import NeedsCode
from service.accounts.guests import read_as_guest
from service.accounts.registering import get_flow, save_account
from service.accounts.returning import NewPassword, switch_on
from service.accounts.sessions import find_session
from service.core.browsers import Browser
from service.core.rules import AS_SHIPPED
from service.core.states import AccountState
from service.db.tables import Account, Code, Session
from service.vault.types import Token
from tests.accounts.conftest import World
from tests.mailbox.builders import BOB

NEW = "nine green canoes 52 thimbles"


async def proven(world: World) -> str:
    token = await world.start(await world.deliver())
    async with world.db.writing() as session:
        flow = await get_flow(session, world.ring, token, world.clock(), for_update=True)
        assert flow is not None
        world.prove(flow)
    return token


async def come_back(world: World, token: str, account_id: uuid.UUID) -> Tokens | NeedsCode | None:
    new = NewPassword(await world.gate.hash(NEW, account_id), "", "", Browser())
    async with world.db.writing() as session:
        flow = await get_flow(session, world.ring, token, world.clock(), for_update=True)
        return await switch_on(session, world.ring, flow, new, world.clock()) if flow is not None else None


async def read(world: World, token: str) -> Token | None:
    async with world.db.writing() as session:
        flow = await get_flow(session, world.ring, token, world.clock(), for_update=True)
        return await read_as_guest(session, world.ring, flow, "en", world.clock()) if flow is not None else None


async def test_coming_back_twice_at_once_works_once(world: World) -> None:
    account_id = await world.register()
    async with world.db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.DISABLED, disabled_at=world.clock()))
    tokens = [await proven(world), await proven(world)]
    results = await asyncio.gather(*(come_back(world, token, account_id) for token in tokens))
    assert [isinstance(result, Tokens) for result in results].count(True) == 1
    assert (await world.account(account_id)).state is AccountState.ACTIVE
    async with world.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 1
        assert await session.scalar(select(func.count()).select_from(Code)) == 0


async def test_reading_twice_at_once_makes_one_guest(world: World) -> None:
    tokens = [await proven(world), await proven(world)]
    results = [result for result in await asyncio.gather(*(read(world, token) for token in tokens)) if result]
    assert results
    async with world.db.reading() as session:
        [account] = (await session.scalars(select(Account))).all()
        assert account.state is AccountState.GUEST
        for token in results:
            found = await find_session(session, world.ring, AS_SHIPPED, token, world.clock())
            assert found is not None
            assert found.account.id == account.id


async def test_registering_and_reading_at_once_end_with_an_account_or_a_guest_and_no_error(world: World) -> None:
    delivery = await world.deliver()
    first, second = await proven(world), await proven(world)
    new = await world.new_account(delivery.recipient_id)

    async def save() -> Tokens | None:
        async with world.db.writing() as session:
            flow = await get_flow(session, world.ring, first, world.clock(), for_update=True)
            if flow is None:
                return None
            return await save_account(session, world.ring, flow, new, Browser(), world.clock())

    saved, guest = await asyncio.gather(save(), read(world, second))
    assert saved is not None or guest is not None
    state = (await world.account(delivery.recipient_id)).state
    assert state is (AccountState.ACTIVE if saved is not None else AccountState.GUEST)


async def test_guest_of_before_becomes_the_account(world: World) -> None:
    token = await read(world, await proven(world))
    assert token is not None
    delivery = await world.deliver(BOB)
    flow_token = await world.start(delivery)
    new = await world.new_account(delivery.recipient_id)
    async with world.db.writing() as session:
        flow = await get_flow(session, world.ring, flow_token, world.clock(), for_update=True)
        assert flow is not None
        world.prove(flow)
        assert await save_account(session, world.ring, flow, new, Browser(), world.clock())
    async with world.db.reading() as session:
        assert await find_session(session, world.ring, AS_SHIPPED, token, world.clock()) is None
    account = await world.account(delivery.recipient_id)
    assert account.state is AccountState.ACTIVE
    assert await read(world, await proven(world)) is None
