"""A child process: a Quart route that answers 202 and does nothing, served as the hook is.

python -m tests.bench.bare_hook PORT
"""

import asyncio
import sys

from quart import Quart, Response

from service.db.engine import Database
from service.serve import _serve


async def main() -> None:
    app = Quart("bare", static_folder=None)

    @app.post("/graph/notify/<row_id>")
    async def notify(row_id: str) -> Response:
        del row_id
        return Response("", 202)

    await _serve(app, [f"127.0.0.1:{sys.argv[1]}"], Database("sqlite+aiosqlite://"))


asyncio.run(main())
