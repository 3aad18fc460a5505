"""kill -9 at every step of the mail's way: nothing lost, nothing sent twice, nothing left behind."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from emulator.tenant import Tenant
from emulator.world import World
from graph_sync import steps
from graph_sync.graph import Graph
from graph_sync.worker import Worker
from service.blobs import Blobs
from service.core.states import Arrival as State
from service.core.states import HandedOver, Letter, Outgoing
from service.db.engine import Database
from service.db.tables import Arrival, Blob, Handover, Message, Outbox
from service.settings import SyncSettings
from service.vault.ring import KeyRing
from tests.graph_sync.builders import a_reply
from tests.graph_sync.conftest import ALICE, BOB, CAROL, INTAKE, MAILER, a_mail, make_settings

ROOT = Path(__file__).parents[2]
FILES = [b"a small file", bytes(range(256)) * 14_000]


def environment(settings: SyncSettings) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SAFEMAIL_")}
    given: dict[str, str] = {}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if name == "stamp_secrets":
            value = [secret.get_secret_value() for secret in value]
        if isinstance(value, timedelta):
            value = f"PT{value.total_seconds()}S"
        given[f"SAFEMAIL_{name.upper()}"] = ",".join(value) if isinstance(value, list) else str(value)
    return plain | given


async def ended(process: subprocess.Popen[bytes], within: float, true: Callable[[], bool]) -> bool:
    """Wait until the process is dead, or until something is true; say whether it died."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if process.poll() is not None:
            return True
        if true():
            return False
        await asyncio.sleep(0.02)
    raise TimeoutError


@pytest.mark.timeout(280)
@pytest.mark.parametrize("world_name", ["plain", "other"])
async def test_a_kill_at_every_step_changes_nothing(
    tenant: Tenant,
    certificates: Path,
    database_url: str,
    ring_folder: Path,
    rings: dict[str, KeyRing],
    tmp_path: Path,
    db: Database,
    world_name: str,
):
    if world_name == "other":
        other = World.other_reading()
        for name in ("redirect_copies", "send_keeps_message_id", "immutable_id_survives_send"):
            setattr(tenant.world, name, getattr(other, name))
    settings = make_settings(
        tenant,
        certificates,
        database_url,
        ring_folder,
        tmp_path,
        delta_every=timedelta(seconds=0.3),
        bcc="none",
        remind_unread=timedelta(days=3),
        remind_ending=timedelta(days=2),
    )
    graph = Graph(settings)
    worker = Worker(settings, db, Blobs(settings.blobs), rings["sync"], graph)
    mails = tenant.exchange.outside
    alice = tenant.exchange.mailboxes[ALICE].folder("inbox")
    rounds = 0
    with (tmp_path / "sync.log").open("wb") as logged:

        def start(step: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.crash.child", step, "1"],
                env=environment(settings),
                cwd=ROOT,
                stdout=logged,
                stderr=logged,
            )

        for step in steps.NAMES:
            await tenant.exchange.submit(ALICE, a_mail(to=f"{BOB}, {CAROL}", subject=f"[secure] {step}"))
            await a_reply(worker, FILES)
            rounds += 1
            process = start(step)
            assert await ended(process, 60, lambda: False), step
            assert process.returncode == -9, (tmp_path / "sync.log").read_text()[-2000:]

        def all_there() -> bool:
            outside = all(len(mails[one].mails) >= rounds for one in (BOB, CAROL))
            return outside and len(alice.items) >= 2 * rounds  # a receipt and a reply for each

        process = start("never")
        try:
            assert not await ended(process, 120, all_there), (tmp_path / "sync.log").read_text()[-2000:]
            await asyncio.sleep(3)  # long enough for a lease to lapse and a second sending to show
        finally:
            process.terminate()
            process.wait(20)
    await graph.close()
    assert [len(mails[one].mails) for one in (BOB, CAROL)] == [rounds, rounds]
    assert len(alice.items) == 2 * rounds
    async with db.reading() as session:
        arrivals = (await session.scalars(select(Arrival))).all()
        assert {row.state for row in arrivals} <= {State.SEALED, State.JOINED}
        assert all(row.moved_at for row in arrivals)
        assert await session.scalar(select(func.count()).select_from(Message)) == 2 * rounds
        letters = (await session.scalars(select(Outbox))).all()
        reminders = [row.state for row in letters if row.letter is Letter.REMINDER]
        assert reminders == [Outgoing.PENDING] * (4 * rounds)  # two for each notice, whose day has not come
        assert {row.state for row in letters if row.letter is not Letter.REMINDER} == {Outgoing.SENT}
        fates = set(await session.scalars(select(Handover.state)))
        assert fates == {HandedOver.SENT}
        keys = {row.key for row in (await session.scalars(select(Blob))).all()}
    store = tmp_path / "blobs"
    left = {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}
    assert {name for name in left if "#" not in name} == keys  # half written blobs: retention sweeps them after a day
    assert tenant.exchange.mailboxes[INTAKE].folder("inbox").items == []
    assert tenant.exchange.mailboxes[MAILER].folder("drafts").items == []
