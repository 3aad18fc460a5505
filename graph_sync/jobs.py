"""When things happen: APScheduler triggers plain functions, which take their own leases; it knows no job itself."""

from collections.abc import Awaitable, Callable

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from graph_sync.bcc import Traces, look_for_blind_copies
from graph_sync.clean import clean
from graph_sync.subscribe import keep_subscribed
from graph_sync.worker import Worker
from service.retention import sweep

log = structlog.get_logger()
SUBSCRIBE_SECONDS = 2
"""Cheap while nothing is due: one look at the database."""
CHECK_MINUTES = 15
"""How often Graph is asked whether it still knows our subscriptions."""
BCC_SECONDS = 1
CLEAN_SECONDS = 60
RETENTION_MINUTES = 60


def schedule(worker: Worker) -> AsyncIOScheduler:
    """Return a scheduler with all jobs, not yet started."""
    scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
    traces = Traces(worker)

    def every(job: Callable[[], Awaitable[object]], name: str, *, seconds: float) -> None:
        scheduler.add_job(_guarded, "interval", [name, job], seconds=seconds, id=name, misfire_grace_time=None)

    every(lambda: keep_subscribed(worker), "subscribe", seconds=SUBSCRIBE_SECONDS)
    every(lambda: keep_subscribed(worker, check=True), "check-subscriptions", seconds=CHECK_MINUTES * 60)
    if worker.settings.bcc == "trace":
        every(lambda: look_for_blind_copies(worker, traces), "bcc", seconds=BCC_SECONDS)
    every(lambda: clean(worker), "clean", seconds=CLEAN_SECONDS)
    every(lambda: end_what_is_over(worker), "retention", seconds=RETENTION_MINUTES * 60)
    return scheduler


async def end_what_is_over(worker: Worker) -> int:
    """Run retention under its lease."""
    async with worker.alone("retention") as is_mine:
        return await sweep(worker.db, worker.blobs, worker.now()) if is_mine else 0


async def _guarded(name: str, job: Callable[[], Awaitable[object]]) -> None:
    try:
        await job()
    except Exception as exc:  # noqa: BLE001 - the job loop: the next run is the remedy
        log.error("job_failed", job=name, error=type(exc).__name__)  # noqa: TRY400 - no foreign text in logs
