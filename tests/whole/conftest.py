"""One running whole for the tests of a module: the small Microsoft 365 here, the product's roles beside it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from emulator.stack import Ports, Stack
from emulator.world import World
from tests.whole.people import ALICE


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The intake mailbox takes mail from everybody here: what stands behind that lock is what is tried."""
    world = World.as_scripts_leave_it()
    world.intake_refuses_outsiders = False
    stack = Stack(tmp_path_factory.mktemp("whole"), Ports.free(), world=world)
    stack.tenant.exchange.add_mailbox(ALICE, "Alice Chen")
    try:
        await stack.start()
        yield stack
    finally:
        await stack.close()
