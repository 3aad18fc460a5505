"""kill -9 of the webhook before and after it writes its wake row: the mail comes once, whether or not it is woken."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from emulator.tenant import Tenant
from graph_sync import steps
from graph_sync.sync import run
from service.settings import SyncSettings
from tests.crash.test_kill import ROOT, ended
from tests.graph_sync.conftest import ALICE, BOB, a_mail, make_settings
from tests.serving import free_port, until_open


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def sync(
    tenant: Tenant, certificates: Path, database_url: str, ring_folder: Path, tmp_path: Path, port: int
) -> SyncSettings:
    hook_url = f"http://127.0.0.1:{port}"
    return make_settings(
        tenant, certificates, database_url, ring_folder, tmp_path, hook_url=hook_url, delta_every=timedelta(seconds=2)
    )


def start_hook(settings: SyncSettings, port: int, step: str) -> subprocess.Popen[bytes]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SAFEMAIL_")}
    given = {
        "SAFEMAIL_DATABASE": settings.database,
        "SAFEMAIL_PUBLIC_URL": settings.public_url,
        "SAFEMAIL_TENANT": settings.tenant,
        "SAFEMAIL_HOOK_BIND": f"127.0.0.1:{port}",
    }
    return subprocess.Popen([sys.executable, "-m", "tests.crash.child", step, "1", "hook"], env=plain | given, cwd=ROOT)


async def up(port: int) -> None:
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(wait_for_ever())
    await until_open(port, task)
    task.cancel()


@pytest.mark.parametrize("step", steps.HOOK_NAMES)
async def test_a_killed_webhook_loses_and_doubles_nothing(tenant: Tenant, sync: SyncSettings, port: int, step: str):
    stop = asyncio.Event()
    hook = start_hook(sync, port, step)
    await up(port)
    role = asyncio.create_task(run(sync, stop))
    mails = tenant.exchange.outside_mailbox(BOB).mails
    try:
        async with asyncio.timeout(30):
            while len(tenant.subscriptions) < 2:  # noqa: ASYNC110 - the emulator is looked at from outside
                await asyncio.sleep(0.02)
        await tenant.exchange.submit(ALICE, a_mail(subject="[secure] kills it"))
        assert await ended(hook, 30, lambda: False)
        assert hook.returncode == -9
        async with asyncio.timeout(30):
            while len(mails) < 1:  # noqa: ASYNC110 - the emulator is looked at from outside
                await asyncio.sleep(0.02)
        hook = start_hook(sync, port, "never")
        await up(port)
        await tenant.exchange.submit(ALICE, a_mail(subject="[secure] finds it again"))
        async with asyncio.timeout(30):
            while len(mails) < 2:  # noqa: ASYNC110 - the emulator is looked at from outside
                await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        assert len(mails) == 2
    finally:
        stop.set()
        await role
        hook.terminate()
        hook.wait(20)
