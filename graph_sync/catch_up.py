"""Catch up: the delta query of each folder is the truth about what arrived; a notification only hurries us.

Ids of a page and the link to the next one are stored in one transaction, so that nothing is skipped; what is listed
twice is known by its immutable id.
"""

from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from graph_sync.errors import Gone, GraphError
from graph_sync.steps import checkpoint
from graph_sync.worker import Worker
from service.db.arrivals import add_arrivals
from service.db.subscriptions import list_places_to_look, list_subscriptions
from service.db.tables import Cursor
from service.errors import TryAgain

log = structlog.get_logger()
FOLDERS = ("inbox", "junkemail")
"""Junk too: a filter that errs must not swallow a citizen's answer, and ours never lands there unseen."""
PAGES_A_ROUND = 1000


def places(worker: Worker) -> list[tuple[str, str]]:
    return [(mailbox, folder) for mailbox in worker.settings.intake for folder in FOLDERS]


async def catch_up(worker: Worker, *, every: timedelta | None = None) -> int:
    """Look through the folders that were woken or whose last round is too old; return how many items were new."""
    age = worker.settings.delta_every if every is None else every
    async with worker.db.reading() as session:
        waiting = await list_places_to_look(session, worker.now() - age)
    wanted, found = set(places(worker)), 0
    for mailbox, folder in waiting:
        job = f"delta/{mailbox}/{folder}"
        if (mailbox, folder) not in wanted or not worker.may_run(job):
            continue
        async with worker.alone(job) as is_mine:
            if not is_mine:
                continue
            try:
                found += await delta_round(worker, mailbox, folder)
                worker.did_well(job)
            except (GraphError, TryAgain) as exc:
                worker.rest(job, exc)
    return found


async def delta_round(worker: Worker, mailbox: str, folder: str) -> int:
    """Follow the delta query of one folder to its end. Raises GraphError, TryAgain."""
    async with worker.db.reading() as session:
        link = (await _cursor(session, mailbox, folder)).link
        wakes = {(row.mailbox, row.folder): row.wakes for row in await list_subscriptions(session)}
    seen_wakes, found = wakes.get((mailbox, folder), 0), 0
    for _ in range(PAGES_A_ROUND):
        try:
            page = await worker.mailbox(mailbox).delta(folder, link)
        except Gone:
            if not link:
                raise
            log.info("delta_starts_over", job=folder)
            link = ""
            continue
        async with worker.db.writing() as session:
            new = await add_arrivals(session, mailbox, page.ids, worker.now())
            cursor = await _cursor(session, mailbox, folder)
            cursor.link = page.link
            if page.delta_link:
                cursor.wakes, cursor.done_at = seen_wakes, worker.now()
        if new:
            checkpoint("listed")
            log.info("arrivals_listed", count=new)
        found, link = found + new, page.link
        if page.delta_link:
            return found
    log.warning("delta_round_too_long", count=PAGES_A_ROUND)
    return found


async def _cursor(session: AsyncSession, mailbox: str, folder: str) -> Cursor:
    return await session.get_one(Cursor, (mailbox, folder))
