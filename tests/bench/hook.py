"""The webhook's acknowledgements: the role `hook` as it is started in production, against a bare route beside it."""

import asyncio
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from service.db.engine import Database
from service.db.tables import Subscription
from service.db.upgrade import upgrade
from tests.bench.rows import Row, percentile, spread

REQUESTS, CONNECTIONS, ROUNDS = 1500, 16, 3
STATE, TENANT, GRAPH_ID = secrets.token_urlsafe(32), str(uuid.uuid4()), str(uuid.uuid4())
READY_WITHIN_SECONDS = 30.0
GRAPH_WAITS_SECONDS = 3.0
"""Slower endpoints are put off: learn.microsoft.com/graph/change-notifications-delivery-webhooks"""


def rows() -> Iterator[Row]:
    """Ask both in turn, so that what else the machine does falls on both."""
    with tempfile.TemporaryDirectory(prefix="safemail-bench-") as folder:
        database = f"sqlite+aiosqlite:///{folder}/safemail.db"
        row_id = asyncio.run(_subscription(database))
        body = json.dumps({"value": [_notification()]}).encode()
        path = f"/graph/notify/{row_id.hex}"
        given = {"DATABASE": database, "PUBLIC_URL": "https://secure.example", "TENANT": TENANT}
        ports = {"hook": free_port(), "bare": free_port()}
        hook = [sys.executable, "-m", "service.cli", "hook"]
        bare = [sys.executable, "-m", "tests.bench.bare_hook", str(ports["bare"])]
        given["HOOK_BIND"] = f"127.0.0.1:{ports['hook']}"
        rates: dict[str, list[float]] = {"hook": [], "bare": []}
        each: list[float] = []
        with child(hook, given, ports["hook"]), child(bare, {}, ports["bare"]):
            for _ in range(ROUNDS):
                for name, port in ports.items():
                    asked = _ask(port, path, body)
                    rates[name].append(REQUESTS / asked["seconds"])
                    each += asked["each"] if name == "hook" else []
        if not asyncio.run(_wakes(database, row_id)):
            raise RuntimeError("what was acknowledged raised no wake")
    what = f"webhook acknowledgements, {CONNECTIONS} connections, each wake committed to SQLite (synchronous=FULL)"
    note = f"median of {spread(rates['hook'], '/s')}; {REQUESTS} requests a run, bodies of {len(body)} bytes, all 202"
    yield Row(what, median(rates["hook"]), "/s", "a bare Quart route", median(rates["bare"]), note)
    note = f"{len(each)} acknowledgements, median {median(each) * 1000:.1f} ms"
    slow = percentile(each, 99)
    yield Row("webhook, slowest 1 of 100", slow, "s", "Graph's patience", GRAPH_WAITS_SECONDS, note)


def _notification() -> dict[str, Any]:
    """As Graph writes it: learn.microsoft.com/graph/change-notifications-delivery-webhooks"""
    resource = f"Users/{uuid.uuid4()}/Messages/{secrets.token_urlsafe(90)}"
    return {
        "subscriptionId": GRAPH_ID,
        "subscriptionExpirationDateTime": "2030-01-01T00:00:00.0000000Z",
        "changeType": "created",
        "resource": resource,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Message",
            "@odata.id": resource,
            "@odata.etag": f'W/"{secrets.token_urlsafe(30)}"',
            "id": resource.rpartition("/")[2],
        },
        "clientState": STATE,
        "tenantId": TENANT,
    }


async def _subscription(database: str) -> uuid.UUID:
    await upgrade(database)
    row = Subscription(
        id=uuid.uuid4(),
        mailbox="secure-intake@ct.gov",
        folder="inbox",
        graph_id=GRAPH_ID,
        client_state_hash=hashlib.sha256(STATE.encode()).digest(),
        expires_at=datetime.now(UTC) + timedelta(days=3),
        wakes=0,
    )
    db = Database(database)
    async with db.writing() as session:
        session.add(row)
    await db.close()
    return row.id


async def _wakes(database: str, row_id: uuid.UUID) -> int:
    db = Database(database)
    async with db.reading() as session:
        wakes = (await session.get_one(Subscription, row_id)).wakes
    await db.close()
    return wakes


@contextmanager
def child(command: list[str], given: dict[str, str], port: int) -> Iterator[int]:
    """Run a process until it listens, and while its number is needed."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SAFEMAIL_")}
    process = subprocess.Popen(
        command, env=plain | {f"SAFEMAIL_{name}": value for name, value in given.items()}, cwd=Path.cwd()
    )
    try:
        until = time.monotonic() + READY_WITHIN_SECONDS
        while not _is_open(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[2]} did not start")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _ask(port: int, path: str, body: bytes) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.load", str(port), path, str(REQUESTS), str(CONNECTIONS)]
    ended = subprocess.run(command, input=body, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(ended.stdout)
    if found["statuses"] != {"202": REQUESTS}:
        raise RuntimeError(f"not all were acknowledged: {found['statuses']}")
    return found


def _is_open(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
