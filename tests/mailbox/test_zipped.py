"""A ZIP written in one pass: read back by the standard library, whole or not at all."""

import io
import os
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from service.mailbox.zipped import Zipped

AT = datetime(2026, 9, 2, 14, 41, 6)  # noqa: DTZ001 - ZIP knows no zone


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def written(files: dict[str, list[bytes]]) -> bytes:
    archive, out = Zipped(), b""
    for name, content in files.items():
        async for piece in archive.add(name, AT, pieces(*content)):
            out += piece
    return out + archive.close()


async def test_files_are_read_back() -> None:
    files = {"Inbox/a.eml": [b"one", b"", b"two" * 9999], "Señales/ñ.eml": [b""], "z": [bytes(200_000)]}
    archive = zipfile.ZipFile(io.BytesIO(await written(files)))
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == {
        name: b"".join(content) for name, content in files.items()
    }
    assert archive.getinfo("z").date_time == (2026, 9, 2, 14, 41, 6)
    assert archive.getinfo("z").compress_size < 1000


async def test_an_empty_archive_is_one() -> None:
    assert zipfile.ZipFile(io.BytesIO(await written({}))).namelist() == []


@pytest.mark.parametrize("missing", [1, 22, 60])
async def test_half_an_archive_is_none(missing: int) -> None:
    whole = await written({"a": [b"a" * 100], "b": [b"b" * 100]})
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(whole[:-missing]))


@pytest.mark.parametrize("count", [65_534, 65_535, 65_536])
async def test_more_files_than_a_plain_archive_holds(count: int) -> None:
    archive, out = Zipped(), []
    for number in range(count):
        out += [piece async for piece in archive.add(f"{number}", AT, pieces())]
    out.append(archive.close())
    read = zipfile.ZipFile(io.BytesIO(b"".join(out)))
    assert len(read.namelist()) == count
    assert (b"PK\x06\x06" in out[-1]) is (count >= 65_535)


@pytest.mark.parametrize("start", [2**32 - 1 - 300, 2**32 + 5])
async def test_an_archive_longer_than_four_gibibytes_is_read_back(tmp_path: Path, start: int) -> None:
    """The front of the file is a hole, which takes no room on the disk."""
    archive = Zipped(start)
    with (tmp_path / "long.zip").open("wb") as file:
        file.seek(start)
        for name in ("a", "b", "c"):
            async for piece in archive.add(name, AT, pieces(os.urandom(200))):
                file.write(piece)
        file.write(archive.close())
    with zipfile.ZipFile(tmp_path / "long.zip") as read:
        assert read.testzip() is None
        assert [len(read.read(name)) for name in read.namelist()] == [200, 200, 200]
