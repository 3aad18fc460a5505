"""A ZIP of any length, streamed in one pass: neither the number of its files nor their sizes need be known.

Layout: APPNOTE.TXT 6.3.10, §4.3. Sizes and checksum stand behind each file (§4.3.9) and in the directory at the end;
where the archive outgrows 4 GiB or 65,535 files, the directory is ZIP64's (§4.3.14, §4.5.3). Whoever gets only a part
has no directory, and programs refuse it: half an archive never looks whole.
"""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from datetime import datetime

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_BEHIND = struct.Struct("<4sIII")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_EXTRA = struct.Struct("<HHQ")
_END = struct.Struct("<4sHHHHIIH")
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR_64 = struct.Struct("<4sIQI")
_VERSION, _VERSION_64 = 20, 45
_FLAGS = 0x0008 | 0x0800
"""Sizes behind the file; names in UTF-8."""
_DEFLATED = 8
_FULL, _FULL_COUNT = 0xFFFFFFFF, 0xFFFF
LEVEL = 1
"""Mail is mostly base64, which gives up a quarter at any level."""


class Zipped:
    """Writes files one after the other; only their names and places are held."""

    def __init__(self, start: int = 0) -> None:
        """`start`: bytes that stand in front of it in the same file."""
        self._offset, self._count = start, 0
        self._directory = bytearray()

    async def add(self, name: str, at: datetime, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Give out one file, smaller than 4 GiB; `at` is local time: ZIP knows no zone."""
        start, encoded = self._offset, name.encode()
        time = at.hour << 11 | at.minute << 5 | at.second // 2
        date = max(0, at.year - 1980) << 9 | at.month << 5 | at.day
        head = (_FLAGS, _DEFLATED, time, date)
        yield self._counted(_LOCAL.pack(b"PK\x03\x04", _VERSION, *head, 0, 0, 0, len(encoded), 0) + encoded)
        crc = size = packed = 0
        deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        async for piece in pieces:
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            if out := await asyncio.to_thread(deflate.compress, piece):
                packed += len(out)
                yield self._counted(out)
        out = deflate.flush()
        packed += len(out)
        yield self._counted(out + _BEHIND.pack(b"PK\x07\x08", crc, packed, size))
        extra = _EXTRA.pack(1, 8, start) if start >= _FULL else b""
        version = _VERSION_64 if extra else _VERSION
        place = (len(encoded), len(extra), 0, 0, 0, 0, min(start, _FULL))
        self._directory += _CENTRAL.pack(b"PK\x01\x02", version, version, *head, crc, packed, size, *place)
        self._directory += encoded + extra
        self._count += 1

    def close(self) -> bytes:
        """Return the directory, which makes the archive whole."""
        count, length, start = self._count, len(self._directory), self._offset
        end = b""
        if count >= _FULL_COUNT or start >= _FULL or length >= _FULL:
            versions = (_VERSION_64, _VERSION_64, 0, 0)
            end += _END_64.pack(b"PK\x06\x06", _END_64.size - 12, *versions, count, count, length, start)
            end += _LOCATOR_64.pack(b"PK\x06\x07", 0, start + length, 1)
        counts = (min(count, _FULL_COUNT), min(count, _FULL_COUNT))
        end += _END.pack(b"PK\x05\x06", 0, 0, *counts, min(length, _FULL), min(start, _FULL), 0)
        return bytes(self._directory) + end

    def _counted(self, out: bytes) -> bytes:
        self._offset += len(out)
        return out
