"""Where sealed bytes lie: a folder or Azure Blob Storage, through obstore.

A blob is whole or not there: it is written under another name and renamed. obstore never fsyncs a folder, so we do: a
mail may be let go at Exchange only when its blob outlives a power cut. Nothing here can open anything.
"""

import asyncio
import os
import re
import uuid
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import AzureStore, LocalStore, MemoryStore

from service.core.ranges import ReadRange
from service.errors import Broken, TryAgain

PIECE_BYTES = 65_536
LISTED_AT_ONCE = 500
MISSING = (NotFoundError, FileNotFoundError)
_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}(?:-[0-9]{1,6})?")
"""`Blobs.new_key`, or the same with the number of the attempt that wrote it."""


class Blobs:
    """`url`: `file:///folder`, `memory:`, or `azure://container` with obstore's own `AZURE_*` environment."""

    def __init__(self, url: str, **options: Any) -> None:
        parts = urlsplit(url)
        self._folder: Path | None = None
        self._store: LocalStore | MemoryStore | AzureStore
        if parts.scheme == "file":
            self._folder = Path(parts.path)
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._store = LocalStore(str(self._folder))
        elif parts.scheme == "memory":
            self._store = MemoryStore()
        elif parts.scheme == "azure":
            self._store = AzureStore(parts.netloc, **options)
        else:
            raise ValueError("blobs are kept in file:, azure: or memory:")

    @staticmethod
    def new_key() -> str:
        """Draw a key that tells nothing."""
        name = uuid.uuid4().hex
        return f"{name[:2]}/{name}"

    async def put(self, key: str, pieces: AsyncIterable[bytes]) -> int:
        """Write a blob that was not there, durably; return its length. What `pieces` raises passes, and leaves nothing.

        Raises TryAgain where the store does not answer.
        """
        length = 0
        _checked(key)

        async def counted() -> AsyncIterator[bytes]:
            nonlocal length
            async for piece in pieces:
                length += len(piece)
                if piece:
                    yield piece

        try:
            if await self._is_there(key):
                raise TryAgain("the blob store holds a blob of this name")
            # a Future, not a coroutine; one part at a time keeps memory flat. `mode="create"` would gather all pieces
            # in memory first (tried: obstore 0.12 writes in parts only where it may overwrite); keys are never reused
            await asyncio.ensure_future(
                obstore.put_async(
                    self._store,
                    key,
                    counted(),
                    mode="overwrite",
                    chunk_size=1 << 20,
                    max_concurrency=1,
                    use_multipart=True,
                )
            )
        except BaseError as exc:
            raise TryAgain("the blob store did not take a blob") from exc
        if self._folder is not None:
            try:
                await asyncio.to_thread(_fsync, self._folder, self._folder / key)
            except OSError as exc:
                raise TryAgain("a blob could not be made durable") from exc
        return length

    async def _is_there(self, key: str) -> bool:
        try:
            await obstore.head_async(self._store, key)
        except MISSING:
            return False
        return True

    def reader(self, key: str) -> ReadRange:
        """Return a function that reads ranges of one blob."""
        _checked(key)

        async def read(offset: int, length: int) -> bytes:
            try:
                return bytes(await obstore.get_range_async(self._store, key, start=offset, length=length))
            except MISSING as exc:
                raise Broken("a blob is not in the store") from exc
            except BaseError as exc:
                raise TryAgain("the blob store did not answer") from exc

        return read

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Read a blob from its beginning. Raises Broken where it is not there, TryAgain where the store is silent."""
        try:
            got = await obstore.get_async(self._store, _checked(key))
            async for piece in got.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)
        except MISSING as exc:
            raise Broken("a blob is not in the store") from exc
        except BaseError as exc:
            raise TryAgain("the blob store did not answer") from exc

    async def delete(self, key: str) -> None:
        """Delete a blob; one that is gone already is no error."""
        try:
            await obstore.delete_async(self._store, _checked(key))
        except MISSING:
            return
        except BaseError as exc:
            raise TryAgain("the blob store did not delete a blob") from exc

    async def list_keys(self, before: datetime) -> AsyncIterator[list[str]]:
        """List the keys of blobs last written before a time, some at a time. Raises TryAgain."""
        try:
            async for found in obstore.list(self._store, chunk_size=LISTED_AT_ONCE):
                if keys := [blob["path"] for blob in found if blob["last_modified"] < before]:
                    yield keys
        except BaseError as exc:
            raise TryAgain("the blob store did not list its blobs") from exc

    async def delete_leftovers(self, before: datetime) -> None:
        """Delete what a killed process left in a folder: obstore writes to `<key>#<n>` and its list hides those."""
        if self._folder is not None:
            await asyncio.to_thread(_delete_leftovers, self._folder, before.timestamp())


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise Broken("not a key of a blob")
    return key


def _delete_leftovers(folder: Path, before: float) -> None:
    for path in folder.glob("*/*#*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()


def _fsync(root: Path, path: Path) -> None:
    for target in (path, *[parent for parent in path.parents if parent == root or root in parent.parents]):
        handle = os.open(target, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
