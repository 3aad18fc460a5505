"""All of it together: the small Microsoft 365 in this process, the product's roles as child processes beside it.

The product is started by its own commands, as an administrator would, and knows the emulator only by its addresses.
"""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config
from quart import Quart

from emulator.ca import make_client_certificate
from emulator.cast import INTAKE, MAILER, people
from emulator.server import serve as serve_microsoft
from emulator.tenant import Tenant
from emulator.world import World

READY_WITHIN_SECONDS = 60.0
LOOPBACKS = ("127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Ports:
    """Five in a row in the demo, free ones elsewhere."""

    portal: int
    front: int
    hook: int
    microsoft: int

    @classmethod
    def from_first(cls, first: int) -> "Ports":
        """The demo's: portal, Outlook and internet pages, (console), hook, Microsoft."""
        return cls(first, first + 1, first + 3, first + 4)

    @classmethod
    def free(cls) -> "Ports":
        sockets = [socket.socket() for _ in range(4)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in sockets]
        for one in sockets:
            one.close()
        return cls(*ports)


class NotReady(Exception):
    """A part did not come up; the message names it and where its log is."""


@dataclass
class Stack:
    """Everything, started in `data`: database, blobs, keys, certificates and logs."""

    data: Path
    ports: Ports
    database: str = ""
    """Another database than a fresh SQLite file in `data`."""
    world: World = field(default_factory=World)
    settings: dict[str, str] = field(default_factory=dict)
    """More `SAFEMAIL_*` for the product."""
    command: list[str] = field(default_factory=lambda: [sys.executable, "-m", "service.cli"])

    def __post_init__(self) -> None:
        self.stop = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.service: subprocess.Popen[bytes] | None = None
        self.data.mkdir(parents=True, exist_ok=True)
        self.data = self.data.resolve()
        self.database = self.database or f"sqlite+aiosqlite:///{self.data / 'safemail.db'}"
        stamp_file = self.data / "stamp-secret"
        if not stamp_file.exists():
            stamp_file.write_text(secrets.token_hex(32), encoding="ascii")
        self.stamp_secret = stamp_file.read_text(encoding="ascii")
        self.certificate = make_client_certificate(self.data)
        self.tenant = Tenant.create(
            data=self.data,
            world=self.world,
            intake=INTAKE,
            mailer=MAILER,
            stamp_secret=self.stamp_secret,
            client_certificate=self.certificate,
        )
        people(self.tenant.exchange)

    @property
    def portal_url(self) -> str:
        return f"http://localhost:{self.ports.portal}"

    @property
    def front_url(self) -> str:
        return f"http://localhost:{self.ports.front}"

    @property
    def microsoft_url(self) -> str:
        return f"https://localhost:{self.ports.microsoft}"

    def environment(self) -> dict[str, str]:
        """What an administrator would set in production, with the emulator's addresses."""
        given = {
            "DATABASE": self.database,
            "BLOBS": f"file://{self.data / 'blobs'}",
            "KEYS": str(self.data / "keys"),
            "PUBLIC_URL": self.portal_url,
            "PORTAL_BIND": _binds(self.ports.portal),
            "HOOK_URL": f"http://localhost:{self.ports.hook}",
            "HOOK_BIND": _binds(self.ports.hook),
            "TENANT": self.tenant.tenant_id,
            "CLIENT": self.tenant.client_id,
            "CERTIFICATE": str(self.certificate),
            "ENTRA_URL": self.microsoft_url,
            "GRAPH_URL": f"{self.microsoft_url}/v1.0",
            "CA": str(self.tenant.ca_file),
            "INTAKE": INTAKE,
            "MAILERS": MAILER,
            "STAMP_SECRETS": self.stamp_secret,
            "TRACE_REQUESTS": "30000",  # nobody else asks here
        }
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SAFEMAIL_")}
        return plain | {f"SAFEMAIL_{name}": value for name, value in given.items()} | self.settings

    async def start(self) -> None:
        """Start the emulator, then the product. Raises NotReady."""
        await self.start_microsoft()
        self.prepare()
        self.start_service()
        await self.wait_until_ready()

    async def start_microsoft(self) -> None:
        self.tasks = [
            asyncio.create_task(serve_microsoft(self.tenant, self.ports.microsoft, self.stop)),
            asyncio.create_task(_serve_plain(front(self.tenant, self.portal_url), self.ports.front, self.stop)),
        ]
        await _until_open([self.ports.microsoft, self.ports.front])

    def prepare(self) -> None:
        """Run the product's own commands: key ring and tables."""
        environment = self.environment()
        if not (self.data / "keys").exists():
            self._once("keys", "init", "--ring", str(self.data / "keys"), environment=environment)
        self._once("db", "upgrade", environment=environment)

    def start_service(self) -> None:
        with (self.data / "service.log").open("ab") as log:
            self.service = subprocess.Popen(
                [*self.command, "serve"], env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )

    async def wait_until_ready(self) -> None:
        """Wait for the portal's first page and for the subscription that wakes the service."""
        async with httpx.AsyncClient(trust_env=False) as http:
            until = time.monotonic() + READY_WITHIN_SECONDS
            while time.monotonic() < until:
                if self.service is not None and self.service.poll() is not None:
                    raise NotReady(f"the service ended at once; see {self.data / 'service.log'}")
                with suppress(httpx.HTTPError):
                    answer = await http.get(f"{self.portal_url}/sign-in")
                    if answer.status_code == 200 and self.tenant.subscriptions:
                        return
                await asyncio.sleep(0.05)
        raise NotReady(f"the service was not ready within a minute; see {self.data / 'service.log'}")

    def stop_service(self) -> None:
        if self.service is not None:
            self.service.terminate()
            try:
                self.service.wait(30)
            except subprocess.TimeoutExpired:
                self.service.kill()
                self.service.wait()
            self.service = None

    async def close(self) -> None:
        await asyncio.to_thread(self.stop_service)
        self.stop.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _once(self, *words: str, environment: dict[str, str]) -> None:
        ended = subprocess.run([*self.command, *words], env=environment, capture_output=True, check=False)
        if ended.returncode:
            raise NotReady(f"`safemail {words[0]} {words[1]}` failed: {ended.stderr.decode(errors='replace')[-2000:]}")


def front(tenant: Tenant, portal_url: str) -> Quart:
    """Build the pages in front: Outlook, the outside mailboxes, the add-in's files."""
    from emulator.internet import blueprint as internet
    from emulator.outlook import blueprint as outlook

    app = Quart("emulator.front", static_folder=None)
    app.register_blueprint(outlook(tenant))
    app.register_blueprint(internet(tenant))
    app.config["PORTAL_URL"] = portal_url
    return app


def _binds(port: int) -> str:
    return ",".join(f"{host}:{port}" for host in _hosts())


def _hosts() -> list[str]:
    """Loopback addresses that this machine has."""
    hosts = ["127.0.0.1"]
    with suppress(OSError), socket.socket(socket.AF_INET6) as six:
        six.bind(("::1", 0))
        hosts.append("[::1]")
    return hosts


async def _serve_plain(app: Quart, port: int, stop: asyncio.Event) -> None:
    config = Config()
    config.bind = [f"{host}:{port}" for host in _hosts()]
    config.accesslog = None
    config.errorlog = None
    await serve_asgi(app, config, shutdown_trigger=stop.wait, mode="asgi")


async def _until_open(ports: list[int]) -> None:
    until = time.monotonic() + READY_WITHIN_SECONDS
    for port in ports:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError as exc:
                if time.monotonic() > until:
                    raise NotReady(f"nothing answers on port {port}") from exc
                await asyncio.sleep(0.02)
