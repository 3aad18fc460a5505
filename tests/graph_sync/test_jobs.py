"""What runs beside the mail goes by the settings."""

from datetime import timedelta

from sqlalchemy import select

from graph_sync.jobs import end_what_is_over
from graph_sync.worker import Worker
from service.db.tables import Session
from service.vault.ring import KeyRing
from tests.letters.builders import Post


async def test_sessions_end_by_the_idle_time_of_the_settings(worker: Worker, rings: dict[str, KeyRing]):
    worker.settings = worker.settings.model_copy(update={"session_idle": timedelta(hours=1)})
    now = worker.now()
    async with worker.db.writing() as session:
        recipient = await Post(session, rings, worker.blobs).a_recipient(account="en")
        for minutes in (59, 61):
            row = Session(token_hash=bytes([minutes]), account_id=recipient.id, created_at=now - timedelta(hours=2))
            row.seen_at = now - timedelta(minutes=minutes)
            session.add(row)
    await end_what_is_over(worker)
    async with worker.db.reading() as session:
        assert list(await session.scalars(select(Session.token_hash))) == [bytes([59])]
