"""Everything in a thread with a loop of its own, so that the browser and the mail never wait for each other."""

import asyncio
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from emulator.cast import seed_mails
from emulator.stack import Ports, Stack
from emulator.world import World

READY_WITHIN_SECONDS = 90.0


class Running:
    """A stack on free ports, from entering to leaving; a person knows it by its addresses only."""

    def __init__(self, data: Path, *, seeded: bool = False) -> None:
        self.data = data
        self._seeded = seeded
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="stack")
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self.portal = ""
        self.front = ""

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(READY_WITHIN_SECONDS):
            raise TimeoutError("the stack is not ready")
        if self._failed is not None:
            self._thread.join()
            raise self._failed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        stack = Stack(self.data, Ports.free(), world=World.as_scripts_leave_it())
        self.portal, self.front = stack.portal_url, stack.front_url
        try:
            await stack.start()
            if self._seeded:
                for sender, mime, recipients in seed_mails():
                    await stack.tenant.exchange.submit(sender, mime, recipients)
            self._ready.set()
            await self._stop.wait()
        except Exception as exc:  # noqa: BLE001 - handed to whoever waits for the stack
            self._failed = exc
            self._ready.set()
        finally:
            await stack.close()
