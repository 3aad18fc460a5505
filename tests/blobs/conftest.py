import base64
import hmac
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.blobs import Blobs

ROOT = Path(__file__).parent.parent.parent
PROGRAM = ROOT / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Published for the emulator: learn.microsoft.com/azure/storage/common/storage-use-azurite"""
VERSION = "2025-07-05"


class AzuriteMissing(Exception):
    """There is no Azurite to test with: run `npm ci --ignore-scripts`; `make test` does it."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


class Azurite:
    """Microsoft's emulator of Azure Blob Storage, in memory, on a free port of this machine."""

    def __init__(self) -> None:
        if not PROGRAM.exists():
            raise AzuriteMissing
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"]
        self._process = subprocess.Popen(
            ["node", str(PROGRAM), *options, "--blobHost", "127.0.0.1", "--blobPort", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def container(self) -> str:
        """Make a container by a signed PUT: obstore cannot (learn.microsoft.com/rest/api/storageservices)."""
        name = f"mail-{uuid.uuid4().hex}"
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION}
        fields = [f"{key}:{value}" for key, value in sorted(headers.items())]
        resource = [f"/{ACCOUNT}/{ACCOUNT}/{name}", "restype:container"]
        signed = "\n".join(["PUT", *([""] * 11), *fields, *resource])
        proof = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed.encode(), "sha256")).decode()
        with httpx.Client(trust_env=False) as client:
            client.put(
                f"{self.endpoint}/{name}?restype=container",
                headers={**headers, "Authorization": f"SharedKey {ACCOUNT}:{proof}"},
            ).raise_for_status()
        return name

    def options(self, port: int | None = None) -> dict[str, Any]:
        return {
            "account_name": ACCOUNT,
            "account_key": KEY,
            "endpoint": self.endpoint.replace(str(self.port), str(port or self.port)),
            "client_options": {"allow_http": True},
        }

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AzuriteMissing


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    server = Azurite()
    yield server
    server.stop()


@pytest.fixture(params=["folder", "azure", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """Each kind of store in turn; the same tests hold for all."""
    if request.param == "folder":
        return Blobs(f"file://{tmp_path / 'blobs'}")
    if request.param == "memory":
        return Blobs("memory:")
    azurite: Azurite = request.getfixturevalue("azurite")
    return Blobs(f"azure://{azurite.container()}", **azurite.options())
