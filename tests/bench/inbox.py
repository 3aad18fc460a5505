"""The reader's pages: what a list and a message cost, and whether it matters how much lies in the database.

One reader has 1,000 messages; of others' there are a thousand in one database and a million in another, the reader's
scattered evenly among them. Both portals run as in production and are asked in turn; the help page, which asks the
database for the session alone, is what they are measured against.
"""

import asyncio
import json
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from service.accounts.sessions import add_session
from service.blobs import Blobs
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account
from service.db.upgrade import upgrade
from service.recipients import get_or_add
from service.vault.people import seal_to_recipient
from service.vault.ring import KeyRing, make_ring
from tests.bench.hook import child, free_port
from tests.bench.processes import processor_seconds
from tests.bench.rows import Row, spread
from tests.mailbox.many import ManyMails

OWN = 1_000
SIZES = {"10^3": 1_000, "10^6": 1_000_000}
OTHER_READERS = 1_000
REQUESTS, CONNECTIONS, ROUNDS = 60, 4, 7
GOAL = 1.2


@dataclass
class Portal:
    """One portal, and what its pages took, in seconds of processor time each."""

    port: int
    pid: int
    took: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, name: str, path: str, cookie: str) -> None:
        before = processor_seconds(self.pid)
        command = [sys.executable, "-m", "tests.bench.load", str(self.port), path, str(REQUESTS), str(CONNECTIONS)]
        found = json.loads(subprocess.run([*command, cookie], capture_output=True, check=True).stdout)
        if found["statuses"] != {"200": REQUESTS}:
            raise RuntimeError(f"not all were shown: {found['statuses']}")
        self.took.setdefault(name, []).append((processor_seconds(self.pid) - before) / REQUESTS)


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="safemail-bench-") as name, ExitStack() as running:
        folder = Path(name)
        make_ring(folder / "ring", datetime.now(UTC))
        token, first = asyncio.run(_own(folder))
        pages = {"help": "/help", "inbox": "/inbox", "message": f"/m/{first}"}
        portals: dict[str, Portal] = {}
        for size, count in SIZES.items():
            _fill(folder / f"{size}.db", folder / "own.db", count)
            port = free_port()
            given = {
                "DATABASE": f"sqlite+aiosqlite:///{folder}/{size}.db",
                "PUBLIC_URL": f"http://localhost:{port}",
                "BLOBS": f"file://{folder}/blobs",
                "KEYS": f"{folder}/ring/portal",
                "PORTAL_BIND": f"127.0.0.1:{port}",
            }
            command = [sys.executable, "-m", "service.cli", "portal"]
            portals[size] = Portal(port, running.enter_context(child(command, given, port)))
        for number in range(ROUNDS + 1):
            for portal in portals.values():
                for page, path in pages.items():
                    portal.ask(page, path, f"safemail={token}")
                if not number:
                    portal.took.clear()  # warm now
    yield from _told(portals)


def _told(portals: dict[str, Portal]) -> Iterator[Row]:
    small, big = portals.values()
    for page, what in (("inbox", "inbox page, 50 of 1,000 rows"), ("message", "message page")):
        rates = [1 / one for one in big.took[page]]
        note = f"median of {spread(rates, '/s')}; 10^6 messages in the database; processor time of the portal"
        helps = 1 / median(big.took["help"])
        yield Row(f"{what}, a core", median(rates), "/s", "the help page", helps, note)
        # against the help page each, so that what else the machine did meanwhile falls out
        grown = [one / two for one, two in zip(big.took[page], big.took["help"], strict=True)]
        before = [one / two for one, two in zip(small.took[page], small.took["help"], strict=True)]
        note = f"times the help page; medians of {len(grown)} rounds in turn; goal ≤ {GOAL} x"
        yield Row(f"{what}, 10^6 messages in the database", median(grown), "x", "10^3 messages", median(before), note)


async def _own(folder: Path) -> tuple[str, str]:
    """Make the reader's mailbox; return the session's token and the newest message's id."""
    now = datetime.now(UTC)
    address = f"sqlite+aiosqlite:///{folder}/own.db"
    await upgrade(address)
    db, portal, sync = Database(address), KeyRing(folder / "ring" / "portal"), KeyRing(folder / "ring" / "sync")
    async with db.writing() as session:
        reader = await get_or_add(session, sync, "reader@example.com", now)
        name = json.dumps({"first": "Rosa", "last": "Reader"}).encode()
        session.add(
            Account(
                id=reader.id,
                state=AccountState.ACTIVE,
                password=secrets.token_hex(),
                password_at=now,
                name=seal_to_recipient(reader.public_key, f"name/{reader.id.hex}", name),
                created_at=now,
            )
        )
        await session.flush()
        token = await add_session(session, portal, reader.id, None, now)
    ids = await ManyMails(db, sync, Blobs(f"file://{folder}/blobs"), reader).add(OWN, now, stored=1)
    await db.close()
    return token, ids[0].hex


def _fill(path: Path, own: Path, others: int) -> None:
    """Write a database: the reader's rows, and between each two of them as many of other readers'."""
    shutil.copyfile(own, path)
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000", "foreign_keys=OFF"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("ATTACH ? AS own", (str(own),))
    indexes = db.execute("SELECT name, sql FROM main.sqlite_master WHERE type='index' AND sql IS NOT NULL").fetchall()
    db.execute("BEGIN")
    for name, _ in indexes:
        db.execute(f"DROP INDEX main.{name}")
    for table in ("deliveries", "messages"):
        db.execute(f"DELETE FROM main.{table}")
    _add_readers(db)
    columns = {table: _columns(db, table) for table in ("messages", "deliveries")}
    pairs = db.execute("SELECT message_id, id FROM own.deliveries ORDER BY random()").fetchall()
    for number, (message, delivery) in enumerate(pairs):
        db.execute("INSERT INTO main.messages SELECT * FROM own.messages WHERE id=?", (message,))
        db.execute("INSERT INTO main.deliveries SELECT * FROM own.deliveries WHERE id=?", (delivery,))
        _add_others(db, columns, message, delivery, others // OWN, number)
    for _, sql in indexes:
        db.execute(sql)
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode=WAL")
    db.close()


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"PRAGMA main.table_info({table})")]


def _add_readers(db: sqlite3.Connection) -> None:
    columns = _columns(db, "recipients")
    changed = {"id": "printf('%032x', value)", "address_index": "randomblob(32)"}
    picked = ", ".join(changed.get(name, f"own.recipients.{name}") for name in columns)
    db.execute(
        f"INSERT INTO main.recipients SELECT {picked} FROM own.recipients, "
        f"(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {OTHER_READERS}) "
        "SELECT value FROM n)"
    )


def _add_others(
    db: sqlite3.Connection, columns: dict[str, list[str]], message: str, delivery: str, count: int, number: int
) -> None:
    """Add copies of a message under other ids, each another reader's; nothing in them opens."""
    many = f"(WITH RECURSIVE n(v) AS (SELECT 0 UNION ALL SELECT v + 1 FROM n WHERE v < {count - 1}) SELECT v FROM n)"
    one = f"printf('%08x%024x', abs(random() % 4294967296), v + {number * count})"
    db.execute("CREATE TEMP TABLE IF NOT EXISTS made (v INTEGER, message TEXT, reader TEXT)")
    db.execute("DELETE FROM made")
    db.execute(f"INSERT INTO made SELECT v, {one}, printf('%032x', 1 + abs(random() % {OTHER_READERS})) FROM {many}")
    changed = {
        "messages": {"id": "made.message", "reference": "hex(randomblob(8))", "thread_index": "randomblob(32)"},
        "deliveries": {
            "id": "made.message",
            "message_id": "made.message",
            "recipient_id": "made.reader",
            "token_hash": "randomblob(32)",
        },
    }
    for table, row in (("messages", message), ("deliveries", delivery)):
        picked = ", ".join(changed[table].get(name, f"one.{name}") for name in columns[table])
        db.execute(
            f"INSERT INTO main.{table} SELECT {picked} FROM made, own.{table} one WHERE one.id=?",
            (row,),
        )
