"""What every job of the role `sync` works with, and how long work keeps its claim."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from graph_sync.errors import GraphError, Throttled
from graph_sync.graph import Graph
from graph_sync.mailbox import Mailbox
from service.blobs import Blobs
from service.db.engine import Database
from service.db.leases import give_lease_back, is_free, take_lease
from service.db.tables import Outbox
from service.errors import TryAgain
from service.settings import SyncSettings
from service.vault.ring import KeyRing

log = structlog.get_logger()
BACK_OFF_LONGEST = timedelta(minutes=5)


def utc_now() -> datetime:
    return datetime.now(UTC)


def _own_name() -> str:
    return f"{socket.gethostname()[:24]}-{os.getpid()}-{uuid.uuid4().hex[:12]}"


@dataclass
class Worker:
    """One process of the role."""

    settings: SyncSettings
    db: Database
    blobs: Blobs
    ring: KeyRing
    graph: Graph
    now: Callable[[], datetime] = utc_now
    name: str = field(default_factory=_own_name)
    """Owner of its leases: never the same twice."""
    _mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    _rests: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    """Job → when it may run again, and how often it failed in a row."""

    def mailbox(self, address: str) -> Mailbox:
        if address not in self._mailboxes:
            self._mailboxes[address] = Mailbox(self.graph, address)
        return self._mailboxes[address]

    def may_run(self, job: str) -> bool:
        return job not in self._rests or self._rests[job][0] <= self.now()

    def rest(self, job: str, exc: Exception) -> None:
        """Let a job that failed rest, the longer the more often it failed."""
        tries = self._rests.get(job, (self.now(), 0))[1] + 1
        wait = back_off(tries, exc)
        self._rests[job] = (self.now() + wait, tries)
        log.warning("job_rests", job=job.partition("/")[0], code=code_of(exc), seconds=wait.total_seconds())

    def did_well(self, job: str) -> None:
        self._rests.pop(job, None)

    @asynccontextmanager
    async def alone(self, job: str) -> AsyncIterator[bool]:
        """Hold the lease of a job while inside; False where another process has it."""
        async with self.db.reading() as session:
            free = await is_free(session, job, self.name, self.now())
        if free:
            async with self.db.writing() as session:
                free = await take_lease(session, job, self.name, self.now(), self.settings.leases) is not None
        if not free:
            yield False
            return
        try:
            async with self.keeping(lambda: self._extend(job)):
                yield True
        finally:
            with suppress(TryAgain):
                async with self.db.writing() as session:
                    await give_lease_back(session, job, self.name, self.now())

    async def _extend(self, job: str) -> bool:
        async with self.db.writing() as session:
            return await take_lease(session, job, self.name, self.now(), self.settings.leases) is not None

    @asynccontextmanager
    async def keeping(self, extend: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
        """Extend a claim for as long as the work inside takes; where it is lost, the next write of the work says so."""

        async def extending() -> None:
            while True:
                await asyncio.sleep(self.settings.leases.total_seconds() / 3)
                with suppress(TryAgain):
                    if not await extend():
                        return

        task = asyncio.create_task(extending())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def back_off(tries: int, exc: Exception | None = None) -> timedelta:
    """Say how long to wait after so many tries; Exchange's own word counts more."""
    waited = min(timedelta(seconds=2 ** min(max(tries - 1, 0), 10)), BACK_OFF_LONGEST)
    return max(exc.retry_after, timedelta(seconds=0.1)) if isinstance(exc, Throttled) else waited


def code_of(exc: Exception) -> str:
    """Name an error for rows and logs, without its text."""
    return exc.code or type(exc).__name__ if isinstance(exc, GraphError) else type(exc).__name__


def message_id_of(worker: Worker, row: Outbox) -> str:
    """Return the Message-ID that every attempt gives this row's mail."""
    return f"<{row.id.hex}@{worker.settings.public_host}>"
