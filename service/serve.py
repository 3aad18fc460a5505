"""Start the roles: one by one, or all of them as child processes, each with only its own environment."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config

from service.blobs import Blobs
from service.db.engine import Database
from service.db.upgrade import is_current
from service.log import set_up_logging
from service.settings import ROLES, HookSettings, PortalSettings, SettingsWrong, SyncSettings, load, names
from service.vault.ring import KeyRing

STARTED = ("portal", "hook", "sync")
"""Roles that `serve` starts; the console is not part of this version."""
GRACE_SECONDS = 20.0
BACK_OFF_SECONDS = (0.5, 1, 2, 5, 10, 30)


async def run_portal() -> None:
    from service.portal.app import create_app

    settings = load(PortalSettings)
    _set_up("portal", settings.log_level)
    database = await _open(settings.database)
    app = create_app(settings, database, Blobs(settings.blobs), KeyRing(settings.keys))
    await _serve(app, settings.portal_bind, database)


async def run_hook() -> None:
    from graph_sync.webhook import create_app

    settings = load(HookSettings)
    _set_up("hook", settings.log_level)
    database = await _open(settings.database)
    await _serve(create_app(settings, database), settings.hook_bind, database)


async def run_sync() -> None:
    from graph_sync.sync import run

    settings = load(SyncSettings)
    _set_up("sync", settings.log_level)
    await (await _open(settings.database)).close()
    await run(settings, _stop_event())


async def run_all() -> None:
    """Run every role until told to stop; a role that falls is started again, each time a little later."""
    environment = _environments(os.environ)
    for role in STARTED:
        load(ROLES[role], environment[role])  # a wrong setting stops the start, not the third restart
    stop = _stop_event()
    await asyncio.gather(*(_keep_running(role, environment[role], stop) for role in STARTED))


def _environments(given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Deal the environment out: `SAFEMAIL_KEYS` names the whole ring here, and each role gets its own folder of it."""
    plain = {name: value for name, value in given.items() if not name.startswith("SAFEMAIL_")}
    dealt = {}
    for role in STARTED:
        allowed = names(ROLES[role])
        own = {name: value for name, value in given.items() if name in allowed or name.removesuffix("_FILE") in allowed}
        if "SAFEMAIL_KEYS" in own:
            own["SAFEMAIL_KEYS"] = str(Path(own["SAFEMAIL_KEYS"]) / role)
        dealt[role] = plain | own
    return dealt


async def _keep_running(role: str, environment: Mapping[str, str], stop: asyncio.Event) -> None:
    falls = 0
    while not stop.is_set():
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "service.cli", role, env=dict(environment))
        ended, stopped = asyncio.ensure_future(process.wait()), asyncio.ensure_future(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if stop.is_set():
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(ended, GRACE_SECONDS)
            except TimeoutError:
                process.kill()
            return
        print(f"role {role} ended with {process.returncode}; it is started again", file=sys.stderr, flush=True)  # noqa: T201
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), BACK_OFF_SECONDS[min(falls, len(BACK_OFF_SECONDS) - 1)])
        falls += 1


async def _serve(app: Any, binds: list[str], database: Database) -> None:
    config = Config()
    config.bind = binds
    config.include_server_header = False
    config.alpn_protocols = ["http/1.1"]  # hypercorn 0.18's h2 dies on an early answer: the proxy speaks it
    config.accesslog = None  # its lines hold paths, and paths hold link tokens
    config.errorlog = None
    config.graceful_timeout = GRACE_SECONDS / 2
    config.keep_alive_timeout = 65
    try:
        await serve_asgi(app, config, shutdown_trigger=_stop_event().wait, mode="asgi")
    finally:
        await database.close()


async def _open(url: str) -> Database:
    """Open the database. Raises SettingsWrong where its tables are not this version's."""
    database = Database(url)
    if not await is_current(database):
        await database.close()
        raise SettingsWrong("The database is not this version's; run `safemail db upgrade` first.")
    return database


def _set_up(role: str, level: str) -> None:
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold clear mail
    set_up_logging(role, level)


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    return stop
