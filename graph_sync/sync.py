"""The role `sync`: catches up, pulls, sends, keeps house. It listens to nobody."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import cast

import structlog

from graph_sync.auth import Tokens
from graph_sync.catch_up import catch_up
from graph_sync.graph import Graph
from graph_sync.jobs import Jobs
from graph_sync.pull import pull_due
from graph_sync.send import send_due
from graph_sync.subscribe import keep_subscribed
from graph_sync.worker import Worker
from service.blobs import Blobs
from service.core.states import Lane
from service.db.engine import Database
from service.errors import TryAgain
from service.settings import SyncSettings
from service.vault.ring import KeyRing

log = structlog.get_logger()
WATCH_SECONDS = 0.1
ASK_SECONDS = 0.3
"""Where the database cannot say whether anything changed, and every look is a query of each loop."""
SWEEP_SECONDS = 1.0
"""Work is looked for so often even where no change was seen: the sweep is the truth, the watch only makes it prompt."""
WATCH_AGAIN_SECONDS = 1.0
GRACE_SECONDS = 6.0
Work = Callable[[], Awaitable[object]]


async def run(settings: SyncSettings, stop: asyncio.Event) -> None:
    """Run the whole role until `stop` is set."""
    db = Database(settings.database)
    graph = Graph(settings, Tokens(settings))
    worker = Worker(settings, db, Blobs(settings.blobs), KeyRing(settings.keys), graph)
    try:
        await work(worker, stop)
    finally:
        await graph.close()
        await db.close()


async def work(worker: Worker, stop: asyncio.Event) -> None:
    """Run loops and jobs until `stop` is set; what was begun is taken up again by the next process."""
    bells = {name: asyncio.Event() for name in ("intake", *Lane)}
    works: dict[str, Work] = {"intake": lambda: _take_in(worker)}
    works |= {lane: _lane(worker, lane) for lane in Lane}
    jobs = Jobs(worker)
    await _guarded("subscribe", lambda: keep_subscribed(worker, check=True))
    jobs.start()
    loops = [asyncio.create_task(_loop(name, works[name], bell, stop)) for name, bell in bells.items()]
    watch = asyncio.create_task(_watch(worker, list(bells.values())))
    try:
        await stop.wait()
    finally:
        watch.cancel()
        for bell in bells.values():
            bell.set()
        with suppress(TimeoutError):  # what is begun is ended where that takes seconds; else the next process goes on
            await asyncio.wait_for(asyncio.gather(*loops, return_exceptions=True), GRACE_SECONDS)
        await jobs.stop(GRACE_SECONDS)
        await asyncio.gather(watch, return_exceptions=True)


async def _take_in(worker: Worker) -> None:
    await catch_up(worker)
    await pull_due(worker)


def _lane(worker: Worker, lane: Lane) -> Work:
    return lambda: send_due(worker, lane)


async def _loop(name: str, job: Work, bell: asyncio.Event, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await _guarded(name, job)
        with suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), SWEEP_SECONDS)
        bell.clear()


async def _watch(worker: Worker, bells: list[asyncio.Event]) -> None:
    every = WATCH_SECONDS if worker.db.is_sqlite else ASK_SECONDS
    while True:
        try:
            async with aclosing(cast("AsyncGenerator[None, None]", worker.db.watch(every))) as changes:
                async for _ in changes:
                    for bell in bells:
                        bell.set()
        except TryAgain:
            log.warning("watch_broke")
        except Exception as exc:  # noqa: BLE001 - a job loop: without the watch the sweep goes on
            log.error("watch_broke", error=type(exc).__name__)  # noqa: TRY400 - no foreign text in logs
        await asyncio.sleep(WATCH_AGAIN_SECONDS)


async def _guarded(name: str, job: Work) -> None:
    try:
        await job()
    except TryAgain:
        log.warning("job_put_off", job=name)
        await asyncio.sleep(WATCH_AGAIN_SECONDS)
    except Exception as exc:  # noqa: BLE001 - the job loop: the next run is the remedy
        log.error("job_failed", job=name, error=type(exc).__name__)  # noqa: TRY400 - no foreign text in logs
        await asyncio.sleep(WATCH_AGAIN_SECONDS)
