"""One running stack for all walks; each walks with people of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from tests.journey.person import Visit
from tests.journey.running import Running


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack
    said = (stack.data / "service.log").read_text(encoding="utf-8").splitlines()
    assert said
    assert [line for line in said if '"level": "error"' in line or not line.startswith("{")] == []


@pytest.fixture
async def visit(running: Running, browser: Browser) -> AsyncIterator[Visit]:
    """Open browsers that note every fault; at the end there must be none."""
    visit = Visit(running, browser)
    yield visit
    for context in browser.contexts:
        await context.close()
    assert visit.faults == []
    assert visit.foreign == []
