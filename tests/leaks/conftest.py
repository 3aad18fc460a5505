"""A walk with planted words, done once on each database, and watched."""

import os
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from emulator.stack import Ports, Stack
from emulator.world import World
from tests.conftest import TEMPLATE, Postgres
from tests.leaks.journey import LIMIT, Journey
from tests.leaks.watched import Watched


@dataclass
class Walked:
    """A walk that is over, with the service still running."""

    journey: Journey
    watched: Watched
    temporary: Path
    """Where the roles were told to put temporary files."""
    record: Path
    """The files that Python opened for writing in any of the roles."""
    began: float
    server: Path | None
    """Folder of the database server, where there is one."""

    @property
    def data(self) -> Path:
        return self.journey.stack.data


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walked]:
    data, temporary = tmp_path_factory.mktemp("leaks"), tmp_path_factory.mktemp("temporary")
    record = tmp_path_factory.mktemp("record") / "opened"
    database, postgres = "", None
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        assert isinstance(postgres, Postgres)
        name = f"leaks_{uuid.uuid4().hex}"
        postgres.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        database = postgres.url(name)
    began = time.time()
    world = World.as_scripts_leave_it()
    stack = Watchable(data, Ports.free(), database, world, {"SAFEMAIL_MESSAGE_BYTES": str(LIMIT)})
    stack.watching = {
        "TMPDIR": str(temporary),
        "HOME": "/dev/null/nowhere",  # below a device: not even root writes there
        "PYTHONPATH": str(Path(__file__).parent / "watch"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    watched = None
    journey = Journey(stack)
    try:
        await stack.start_microsoft()
        stack.prepare()
        stack.watching["LEAKS_RECORD"] = str(record)
        stack.start_service()
        assert stack.service is not None
        watched = Watched(stack.service.pid)
        await stack.wait_until_ready()
        await journey.walk()
        watched.stop()
        if postgres is not None:
            postgres.execute("CHECKPOINT")
        yield Walked(journey, watched, temporary, record, began, server_folder(postgres))
    finally:
        if watched is not None:
            watched.stop()
        await journey.close()
        await stack.close()
        if postgres is not None:
            postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class Watchable(Stack):
    """The whole, started with a few variables more."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.watching: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        return super().environment() | self.watching


def server_folder(postgres: Postgres | None) -> Path | None:
    return Path(os.fspath(postgres._server.pgdata)) if postgres is not None else None
