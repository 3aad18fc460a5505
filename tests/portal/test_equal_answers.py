"""What the doors answer tells nobody which addresses have an account, nor in what state it is."""

from datetime import timedelta

import pytest
from quart import Quart
from sqlalchemy import Engine, event, select, update

from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, Reset
from tests.conftest import Clock
from tests.mailbox.builders import BOB
from tests.portal.conftest import Browser, Register, Told

WRONG = "nine green canoes 52 thimbles"
PATHS = ["/sign-in", "/forgot/hint", "/forgot/reset"]
STATES = list(AccountState)


async def asked(app: Quart, path: str, address: str, password: str = WRONG) -> tuple[int, bytes, list[str]]:
    """Press a button; return all that the answer says but the address and the reference of the request."""
    browser = Browser(app)
    browser.jar["__Host-safemail-pre"] = "same"
    await browser.get("/sign-in")
    answer = await browser.post(path, email=address, password=password)
    body = answer.body.replace(address.encode(), b"")
    headers = [f"{name}: {value}" for name, value in answer.headers if name.lower() not in {"date", "content-length"}]
    return answer.status, body, sorted(headers)


async def put(db: Database, state: AccountState) -> None:
    async with db.writing() as session:
        values: dict[str, object] = {"state": state, "failures": 0}
        await session.execute(
            update(Account).values(values | ({"password": ""} if state is AccountState.GUEST else {}))
        )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("state", STATES)
async def test_answer_is_the_one_to_an_unknown_address(
    registered: Register, app: Quart, db: Database, path: str, state: AccountState
) -> None:
    await registered()
    await put(db, state)
    unknown = await asked(app, path, "eve@example.com")
    assert await asked(app, path, BOB) == unknown
    assert await asked(app, path, "not an address") == unknown
    assert unknown[0] == (401 if path == "/sign-in" else 200)


@pytest.mark.parametrize("path", PATHS)
async def test_same_statements_run_for_every_state(
    registered: Register, app: Quart, db: Database, clock: Clock, path: str
) -> None:
    await registered()
    ran: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        ran.append(statement)

    async def statements(address: str, password: str = WRONG) -> list[str]:
        ran.clear()
        await asked(app, path, address, password)
        return list(ran)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        unknown = await statements("eve@example.com")
        assert await statements("not an address") == unknown
        assert await statements("rosa@example.com", "x" * 300) == unknown
        for state in STATES:
            clock.advance(timedelta(hours=2))  # each has its letters
            await put(db, state)
            assert await statements(BOB) == unknown, state
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_no_state_but_a_known_one_gets_a_letter_or_a_link(
    registered: Register, app: Quart, db: Database, told: Told
) -> None:
    await registered()
    await put(db, AccountState.GUEST)
    for path in PATHS[1:]:
        await asked(app, path, BOB)
    assert await told() == []
    async with db.reading() as session:
        assert (await session.scalars(select(Reset))).all() == []
