"""A tenant with the cast, and its pages."""

import secrets
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol as Client

from emulator.cast import INTAKE, MAILER, people
from emulator.internet import blueprint as internet
from emulator.outlook import blueprint as outlook
from emulator.tenant import Tenant
from emulator.world import World

MARIA = "maria.delgado@ct.gov"
RUTH = "ruth.chen@ct.gov"
ROSA = "rosa.jimenez@example.com"
PAT = "pat.rivera@example.net"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def tenant(certificates: Path) -> Tenant:
    tenant = Tenant.create(data=certificates, intake=INTAKE, mailer=MAILER, world=World.as_scripts_leave_it())
    people(tenant.exchange)
    return tenant


@pytest.fixture
def app(tenant: Tenant) -> Quart:
    app = Quart("front", static_folder=None)
    app.register_blueprint(outlook(tenant))
    app.register_blueprint(internet(tenant))
    return app


@pytest.fixture
def client(app: Quart) -> Client:
    return app.test_client()


async def get_bytes(client: Client, path: str) -> bytes:
    content = await (await client.get(path)).get_data(as_text=False)
    assert isinstance(content, bytes)
    return content


def form(files: list[tuple[str, str, bytes]] | None = None, /, **fields: str) -> dict[str, Any]:
    """Write the body of a compose window's form, as a browser does."""
    boundary = f"----{secrets.token_hex(8)}"
    pieces = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    pieces += [
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        f"Content-Type: {kind}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, kind, content in files or ()
    ]
    body = b"".join(pieces) + f"--{boundary}--\r\n".encode()
    return {"data": body, "headers": {"Content-Type": f"multipart/form-data; boundary={boundary}"}}
