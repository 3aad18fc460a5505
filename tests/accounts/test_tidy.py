"""Dead rows go, living ones stay."""

from datetime import timedelta

from sqlalchemy import func, select

from service.accounts.rates import SIGN_INS, allow
from service.accounts.tidy import tidy
from service.db.tables import Code, Device, Rate, Session
from tests.accounts.conftest import World
from tests.mailbox.builders import CAROL


async def counts(world: World) -> list[int]:
    async with world.db.writing() as session:
        await tidy(session, world.clock())
    async with world.db.reading() as session:
        return [
            await session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Session, Code, Device, Rate)
        ]


async def test_each_kind_goes_at_its_own_time(world: World) -> None:
    await world.register()
    await world.start(await world.deliver(CAROL), CAROL)
    async with world.db.writing() as session:
        await allow(session, world.ring, SIGN_INS, "192.0.2.1", world.clock())
    assert await counts(world) == [1, 1, 1, 3]
    world.clock.advance(timedelta(minutes=15))
    assert await counts(world) == [0, 1, 1, 3]
    world.clock.advance(timedelta(minutes=45))
    assert await counts(world) == [0, 0, 1, 3]
    world.clock.advance(timedelta(days=1))
    assert await counts(world) == [0, 0, 1, 0]
    world.clock.advance(timedelta(days=89))
    assert await counts(world) == [0, 0, 0, 0]
