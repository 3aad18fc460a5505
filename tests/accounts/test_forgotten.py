"""Forgotten passwords on each database: asked for at once, used at once."""

import asyncio

from sqlalchemy import Engine, event, select

from service.accounts.forgotten import Asking, ask, get_reset, reset_password
from service.accounts.hashing import NOBODY
from service.core.browsers import Browser
from service.core.rules import AS_SHIPPED
from service.core.states import AccountLetter, AccountState, Letter
from service.db.tables import Account, Outbox, Reset, Session
from service.letters.queue import open_payload
from tests.accounts.conftest import World
from tests.accounts.test_together import attempt
from tests.mailbox.builders import BOB


async def asked(world: World, kind: AccountLetter = AccountLetter.RESET, address: str = BOB) -> None:
    async with world.db.writing() as session:
        await ask(session, world.ring, kind, Asking(address, "192.0.2.1", Browser(), AS_SHIPPED), world.clock())


async def told(world: World) -> list[dict[str, object]]:
    async with world.db.reading() as session:
        rows = await session.scalars(select(Outbox).where(Outbox.letter == Letter.ACCOUNT))
        return [open_payload(world.sync, row) for row in rows]


async def use(world: World, token: str) -> bool:
    async with world.db.reading() as session:
        found = await get_reset(session, world.ring, token, world.clock())
    whose = found.account.id if found is not None else NOBODY
    stored = await world.gate.hash("green paper boats 17 kites", whose)
    async with world.db.writing() as session:
        found = await get_reset(session, world.ring, token, world.clock(), for_update=True)
        if found is not None:
            await reset_password(session, world.ring, found, stored, "", "", Browser(), world.clock())
        return found is not None


async def test_ten_questions_at_once_mail_three_letters(world: World) -> None:
    await world.register()
    await asyncio.gather(*(asked(world) for _ in range(10)))
    letters = await told(world)
    assert len(letters) == 3
    async with world.db.reading() as session:
        [reset] = (await session.scalars(select(Reset))).all()
        living = [await get_reset(session, world.ring, str(letter["token"]), world.clock()) for letter in letters]
    assert [found.reset.token_hash for found in living if found] == [reset.token_hash]


async def test_link_used_twice_at_once_works_once(world: World) -> None:
    account_id = await world.register()
    await asked(world)
    token = str((await told(world))[0]["token"])
    assert sorted(await asyncio.gather(*(use(world, token) for _ in range(4)))) == [False, False, False, True]
    async with world.db.reading() as session:
        assert len((await session.scalars(select(Session).where(Session.account_id == account_id))).all()) == 1
    assert [letter["kind"] for letter in await told(world)].count("password_changed") == 1


async def test_nobody_is_written_to_at_an_address_without_account(world: World) -> None:
    await world.deliver()  # a recipient who did not register
    for kind in (AccountLetter.HINT, AccountLetter.RESET):
        await asked(world, kind)
        await asked(world, kind, "nonsense")
    assert await told(world) == []


async def test_same_statements_run_with_and_without_an_account(world: World) -> None:
    await world.register()
    ran: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        ran.append(statement)

    async def statements(kind: AccountLetter, address: str) -> list[str]:
        ran.clear()
        await asked(world, kind, address)
        return list(ran)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for kind in (AccountLetter.HINT, AccountLetter.RESET):
            known = await statements(kind, BOB)
            assert len(known) >= 3
            assert await statements(kind, "eve@example.com") == known
            assert await statements(kind, "not an address") == known
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_twenty_wrong_guesses_at_once_mail_one_warning(world: World) -> None:
    account_id = await world.register()
    await asyncio.gather(*(attempt(world, "wrong") for _ in range(20)))
    assert [letter["kind"] for letter in await told(world)] == ["locked"]
    assert (await world.account(account_id)).state is AccountState.LOCKED


async def test_account_that_is_switched_off_gets_a_letter_and_no_link(world: World) -> None:
    account_id = await world.register()
    async with world.db.writing() as session:
        account = await session.get(Account, account_id)
        assert account is not None
        account.state = AccountState.DISABLED
    await asked(world)
    assert len(await told(world)) == 1
    async with world.db.reading() as session:
        assert (await session.scalars(select(Reset))).all() == []
