"""Password hashing behind a gate: each hash takes 19 MiB and a core for ~20 ms, so few run at once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.errors import TryAgain
from service.vault.passwords import Cost, hash_password, is_password
from service.vault.ring import KeyRing

AT_ONCE = 4
WAIT_SECONDS = 2.0
"""How long a sign-in waits for its turn before it is told to come again (503)."""
NOBODY = uuid.UUID(int=0)


class HashGate:
    """At most `at_once` hashes at a time in this process; whoever waits too long is told to try again."""

    def __init__(self, ring: KeyRing, cost: Cost, at_once: int = AT_ONCE, wait_seconds: float = WAIT_SECONDS) -> None:
        self._ring, self.cost, self._wait = ring, cost, wait_seconds
        self._slots = asyncio.Semaphore(at_once)
        self._nobody: str | None = None

    async def hash(self, password: str, owner: uuid.UUID) -> str:
        """Raises TryAgain."""
        async with self._slot():
            return await asyncio.to_thread(hash_password, self._ring, password, owner, self.cost)

    async def is_password(self, password: str, owner: uuid.UUID, stored: str) -> bool:
        """Compare; where nothing is stored (empty), do the same work and say no. Raises TryAgain."""
        async with self._slot():
            if self._nobody is None:
                self._nobody = await asyncio.to_thread(
                    hash_password, self._ring, "nobody's password", NOBODY, self.cost
                )
            matches = await asyncio.to_thread(is_password, self._ring, password, owner, stored or self._nobody)
            return matches and bool(stored)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._wait):
                await self._slots.acquire()
        except TimeoutError as exc:
            raise TryAgain("too many sign-ins at once") from exc
        try:
            yield
        finally:
            self._slots.release()
