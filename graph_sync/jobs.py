"""When things happen: APScheduler triggers plain functions, which take their own leases; it knows no job itself."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from graph_sync.bcc import Traces, look_for_blind_copies
from graph_sync.bounces import look_for_bounces
from graph_sync.clean import clean
from graph_sync.follow import Followed, follow_replies
from graph_sync.late import look_again
from graph_sync.subscribe import keep_subscribed
from graph_sync.worker import Worker
from service.accounts.ageing import Ages, age_accounts
from service.retention import sweep

log = structlog.get_logger()
SUBSCRIBE_SECONDS = 2
"""Cheap while nothing is due: one look at the database."""
CHECK_MINUTES = 15
"""How often Graph is asked whether it still knows our subscriptions."""
BCC_SECONDS = 1
BCC_AGAIN_SECONDS = 60
BOUNCES_SECONDS = 30
FOLLOW_SECONDS = 10
CLEAN_SECONDS = 60
RETENTION_MINUTES = 60
AGEING_MINUTES = 60
FIRST_SECONDS = 60
Job = Callable[[], Awaitable[object]]


class Jobs:
    """All jobs of one process, on their intervals."""

    def __init__(self, worker: Worker) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
        self._running: set[asyncio.Task[None]] = set()
        traces = Traces(worker)
        self._every(SUBSCRIBE_SECONDS, "subscribe", lambda: keep_subscribed(worker))
        self._every(CHECK_MINUTES * 60, "check-subscriptions", lambda: keep_subscribed(worker, check=True))
        if worker.settings.bcc == "trace":
            followed = Followed()
            self._every(BCC_SECONDS, "bcc", lambda: look_for_blind_copies(worker, traces))
            self._every(BCC_AGAIN_SECONDS, "bcc-again", lambda: look_again(worker, traces))
            self._every(FOLLOW_SECONDS, "follow", lambda: follow_replies(worker, traces, followed))
        self._every(BOUNCES_SECONDS, "bounces", lambda: look_for_bounces(worker))
        self._every(CLEAN_SECONDS, "clean", lambda: clean(worker))
        self._every(RETENTION_MINUTES * 60, "retention", lambda: end_what_is_over(worker))
        self._every(AGEING_MINUTES * 60, "ageing", lambda: age(worker))

    def start(self) -> None:
        self._scheduler.start()

    async def stop(self, within: float) -> None:
        """Start nothing new; let what runs come to its end."""
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(self._running, timeout=within)
        self._scheduler.shutdown(wait=False)

    def _every(self, seconds: float, name: str, job: Job) -> None:
        """Run a job on its interval, for the first time soon: who is restarted each half hour still gets to all."""
        first = datetime.now(UTC) + timedelta(seconds=min(seconds, FIRST_SECONDS))
        self._scheduler.add_job(
            self._run, "interval", [name, job], seconds=seconds, id=name, misfire_grace_time=None, next_run_time=first
        )

    async def _run(self, name: str, job: Job) -> None:
        task = asyncio.create_task(_guarded(name, job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)


async def end_what_is_over(worker: Worker) -> int:
    """Run retention under its lease."""
    async with worker.alone("retention") as is_mine:
        rules = worker.settings.rules
        return await sweep(worker.db, worker.ring, worker.blobs, worker.now(), rules) if is_mine else 0


async def age(worker: Worker) -> int:
    """Age accounts under their lease."""
    settings = worker.settings
    ages = Ages(settings.inactive, settings.inactive_warning, settings.inactive_grace)
    async with worker.alone("ageing") as is_mine:
        return await age_accounts(worker.db, worker.ring, ages, worker.now()) if is_mine else 0


async def _guarded(name: str, job: Job) -> None:
    try:
        await job()
    except Exception as exc:  # noqa: BLE001 - the job loop: the next run is the remedy
        log.error("job_failed", job=name, error=type(exc).__name__)  # noqa: TRY400 - no foreign text in logs
