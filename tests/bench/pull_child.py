"""A child process that does the first half of `sync` and nothing else: delta, pull, seal, store, move.

Told on stdin, it answers on stdout with one line of JSON each:

    pull N      until N more arrivals are sealed and moved     → {"cpu": seconds, "wall": seconds}
    stream N    the bytes of the last N again, by plain httpx  → {"cpu": seconds, "wall": seconds, "bytes": count}
"""

import asyncio
import json
import resource
import ssl
import sys
import time
from datetime import timedelta

import httpx
from sqlalchemy import func, select

from graph_sync.catch_up import catch_up, places
from graph_sync.graph import IMMUTABLE, PIECE_BYTES, Graph
from graph_sync.pull import AT_ONCE, pull_due
from graph_sync.worker import Worker
from service.blobs import Blobs
from service.core.states import Arrival as State
from service.db.engine import Database
from service.db.subscriptions import ensure_watched
from service.db.tables import Arrival
from service.log import set_up_logging
from service.settings import SyncSettings, load
from service.vault.ring import KeyRing


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def sealed(db: Database) -> int:
    async with db.reading() as session:
        wanted = select(func.count()).where(Arrival.state == State.SEALED, Arrival.moved_at.is_not(None))
        return await session.scalar(wanted) or 0


async def pull(worker: Worker, count: int) -> int:
    target = await sealed(worker.db) + count
    while await sealed(worker.db) < target:
        await catch_up(worker, every=timedelta())
        await pull_due(worker)
    return 0


async def stream(worker: Worker, http: httpx.AsyncClient, count: int) -> int:
    async with worker.db.reading() as session:
        found = await session.scalars(select(Arrival).order_by(Arrival.moved_at.desc()).limit(count))
        waiting = [(row.mailbox, row.graph_id) for row in found]
    token, total = await worker.graph._tokens.get(), 0
    headers = {"Authorization": f"Bearer {token}", "Prefer": IMMUTABLE}

    async def one_by_one() -> None:
        nonlocal total
        while waiting:
            mailbox, graph_id = waiting.pop()
            url = f"{worker.settings.graph_url}/users/{mailbox}/messages/{graph_id}/$value"
            async with http.stream("GET", url, headers=headers) as answer:
                answer.raise_for_status()
                async for piece in answer.aiter_bytes(PIECE_BYTES):
                    total += len(piece)

    await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))
    return total


async def main() -> None:
    settings = load(SyncSettings)
    set_up_logging("sync", settings.log_level)
    db, graph = Database(settings.database), Graph(settings)
    worker = Worker(settings, db, Blobs(settings.blobs), KeyRing(settings.keys), graph)
    async with db.writing() as session:
        await ensure_watched(session, places(worker))
    context = ssl.create_default_context(cafile=settings.ca)
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=60) as http:
        while words := (await asyncio.to_thread(sys.stdin.readline)).split():
            began, used = time.perf_counter(), cpu()
            if words[0] == "pull":
                total = await pull(worker, int(words[1]))
            else:
                total = await stream(worker, http, int(words[1]))
            print(json.dumps({"cpu": cpu() - used, "wall": time.perf_counter() - began, "bytes": total}), flush=True)
    await graph.close()
    await db.close()


asyncio.run(main())
