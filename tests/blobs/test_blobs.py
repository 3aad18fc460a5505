"""A blob is whole or not there, in a folder as in Azure."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.blobs import Blobs
from service.errors import Broken, TryAgain

LATER = datetime.now(UTC) + timedelta(days=1)
MEBIBYTE = 1_048_576


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


async def keys(store: Blobs) -> list[str]:
    return [key async for some in store.list_keys(LATER) for key in some]


async def whole(store: Blobs, key: str) -> bytes:
    return b"".join([piece async for piece in store.stream(key)])


async def test_a_blob_comes_back_as_it_was(store: Blobs):
    key = store.new_key()
    assert await store.put(key, pieces(b"one", b"", b"two")) == 6
    assert await whole(store, key) == b"onetwo"
    assert await keys(store) == [key]


async def test_a_big_blob_comes_back_as_it_was(store: Blobs):
    key, piece = store.new_key(), os.urandom(MEBIBYTE + 1)
    assert await store.put(key, pieces(*[piece] * 9)) == 9 * len(piece)
    assert await whole(store, key) == piece * 9


async def test_an_empty_blob_is_one(store: Blobs):
    key = store.new_key()
    assert await store.put(key, pieces()) == 0
    assert await whole(store, key) == b""


async def test_ranges_are_read_and_end_with_the_blob(store: Blobs):
    key = store.new_key()
    await store.put(key, pieces(b"0123456789"))
    read = store.reader(key)
    assert await read(0, 3) == b"012"
    assert await read(4, 2) == b"45"
    assert await read(8, 100) == b"89"


async def test_what_the_writer_raises_passes_and_leaves_nothing(store: Blobs, tmp_path: Path):
    async def failing() -> AsyncIterator[bytes]:
        yield b"x" * 3 * MEBIBYTE
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.put(store.new_key(), failing())
    assert await keys(store) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_writer_that_is_cancelled_leaves_nothing(store: Blobs, tmp_path: Path):
    stuck = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield b"x" * 3 * MEBIBYTE
        stuck.set()
        await asyncio.sleep(600)

    task = asyncio.ensure_future(store.put(store.new_key(), hanging()))
    await asyncio.wait_for(stuck.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):  # the store cleans up behind the cancelled call
        if not [path for path in tmp_path.rglob("*") if path.is_file()]:
            break
        await asyncio.sleep(0.05)
    assert await keys(store) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_blob_is_never_written_over(store: Blobs):
    key = store.new_key()
    await store.put(key, pieces(b"first"))
    with pytest.raises(TryAgain):
        await store.put(key, pieces(b"second"))
    assert await whole(store, key) == b"first"


async def test_a_blob_that_is_not_there_is_broken(store: Blobs):
    with pytest.raises(Broken):
        await whole(store, store.new_key())
    with pytest.raises(Broken):
        await store.reader(store.new_key())(0, 10)


async def test_deleting_twice_is_no_error(store: Blobs):
    key = store.new_key()
    await store.put(key, pieces(b"x"))
    await store.delete(key)
    await store.delete(key)
    assert await keys(store) == []


async def test_only_blobs_of_before_are_listed(store: Blobs):
    await store.put(store.new_key(), pieces(b"x"))
    assert [some async for some in store.list_keys(datetime.now(UTC) - timedelta(hours=1))] == []


async def test_many_blobs_are_listed(store: Blobs):
    made = {store.new_key() for _ in range(30)}
    await asyncio.gather(*(store.put(key, pieces(b"x")) for key in made))
    assert set(await keys(store)) == made


async def test_keys_tell_nothing_and_never_meet(store: Blobs):
    made = {store.new_key() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(key) == 35 and key[2] == "/" for key in made)


@pytest.mark.parametrize(
    "key", ["../out", "aa/../../out", "aa/./out", "", "aa", "/etc/passwd", "aa/" + "0" * 32 + "\n"]
)
async def test_a_key_that_climbs_out_is_refused(store: Blobs, tmp_path: Path, key: str):
    for work in (
        store.put(key, pieces(b"x")),
        whole(store, key),
        store.delete(key),
    ):
        with pytest.raises(Broken):
            await work
    with pytest.raises(Broken):
        store.reader(key)
    assert not (tmp_path / "out").exists()


async def test_a_blob_is_on_the_disk_with_its_folders_before_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    store = Blobs(f"file://{tmp_path / 'blobs'}")
    key = store.new_key()
    await store.put(key, pieces(b"x"))
    root = tmp_path / "blobs"
    assert synced == [str(root / key), str((root / key).parent), str(root)]


async def test_leftovers_of_a_killed_process_go_and_others_stay(tmp_path: Path):
    store = Blobs(f"file://{tmp_path / 'blobs'}")
    key = store.new_key()
    await store.put(key, pieces(b"x"))
    fresh = tmp_path / "blobs" / f"{store.new_key()}#1"
    fresh.parent.mkdir(exist_ok=True)
    fresh.write_bytes(b"half")
    await store.delete_leftovers(datetime.now(UTC) - timedelta(days=1))
    assert fresh.exists()
    await store.delete_leftovers(LATER)
    assert not fresh.exists()
    assert await whole(store, key) == b"x"


async def test_others_cannot_look_into_the_folder(tmp_path: Path):
    Blobs(f"file://{tmp_path / 'blobs'}")
    assert (tmp_path / "blobs").stat().st_mode & 0o077 == 0


async def test_a_store_that_does_not_answer_is_worth_another_try(azurite: Any):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        options = azurite.options(nobody.getsockname()[1])
        store = Blobs("azure://mail", **options, retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=2)})
        with pytest.raises(TryAgain):
            await store.put(store.new_key(), pieces(b"x"))
        with pytest.raises(TryAgain):
            await whole(store, store.new_key())
        with pytest.raises(TryAgain):
            await store.delete(store.new_key())
        with pytest.raises(TryAgain):
            await keys(store)


def test_another_kind_of_store_is_refused():
    with pytest.raises(ValueError, match="file:, azure: or memory:"):
        Blobs("s3://bucket")
