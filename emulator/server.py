"""One HTTPS server for Entra and Graph."""

import asyncio
import socket
from contextlib import suppress
from typing import Any, cast

from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from quart import Quart

from emulator import entra
from emulator.graph import routes
from emulator.tenant import Tenant


def create_app(tenant: Tenant) -> Quart:
    """Build the application; the tenant's `url` must be set before the first request if the host's is not right."""
    app = Quart("emulator.microsoft", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = routes.REQUEST_BYTES + 1_048_576
    app.config["BODY_TIMEOUT"] = 600
    app.config["RESPONSE_TIMEOUT"] = 600
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the JSON provider that Quart ships
    app.register_blueprint(entra.blueprint(tenant))
    routes.register(app, tenant)
    return app


async def serve(tenant: Tenant, port: int, stop: asyncio.Event) -> None:
    """Serve on 127.0.0.1 and ::1 until `stop` is set."""
    tenant.url = f"https://localhost:{port}"
    config = Config()
    config.bind = [f"127.0.0.1:{port}", *_six(port)]
    config.certfile = str(tenant.server.certificate)
    config.keyfile = str(tenant.server.key)
    config.alpn_protocols = ["http/1.1"]  # Hypercorn 0.18 loses h2 connections answered before their body is read
    config.accesslog = None
    config.errorlog = None
    config.graceful_timeout = 1
    config.keep_alive_timeout = 75
    config.h11_max_incomplete_size = 65_536
    try:
        app = cast("ASGIFramework", SingleSlashes(create_app(tenant)))
        await serve_asgi(app, config, shutdown_trigger=stop.wait, mode="asgi")
    finally:
        await tenant.close()


class SingleSlashes:
    """Read `/v1.0//users` as `/v1.0/users`: Microsoft's own SDK asks so by default."""

    def __init__(self, app: Quart) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and "//" in scope["path"]:
            raw = scope.get("raw_path", b"").replace(b"//", b"/")
            scope = {**scope, "path": scope["path"].replace("//", "/"), "raw_path": raw}
        await self._app(cast("Any", scope), receive, send)


def _six(port: int) -> list[str]:
    with suppress(OSError), socket.socket(socket.AF_INET6) as six:
        six.bind(("::1", 0))
        return [f"[::1]:{port}"]
    return []
