"""All files of a message as one ZIP, streamed: stored as they are, nothing held, nothing written to a disk.

Two passes: the first takes the checksums (and so finds a broken file before a byte goes out), the second sends.
Layout: APPNOTE.TXT 6.3.10, §4.3 (local headers, central directory, its end); no ZIP64, since a message is far smaller.
"""

import struct
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_VERSION = 20
_UTF8_NAMES = 0x0800
_LARGEST = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """One file; `open` gives its bytes anew each time."""

    name: str
    size: int
    open: Callable[[], AsyncIterator[bytes]]


class Archive:
    """A ZIP whose length is known before it is sent."""

    def __init__(self, members: Sequence[Member], at: datetime) -> None:
        """`at` is local time: ZIP knows no zone."""
        self._members = members
        self._time = at.hour << 11 | at.minute << 5 | at.second // 2
        self._date = max(0, at.year - 1980) << 9 | at.month << 5 | at.day
        self._sums: list[int] = []

    @property
    def length(self) -> int:
        names = sum(len(member.name.encode()) for member in self._members)
        heads = len(self._members) * (_LOCAL.size + _CENTRAL.size)
        return sum(member.size for member in self._members) + heads + 2 * names + _END.size

    async def prepare(self) -> None:
        """Take the checksums. Raises what opening raises, and ValueError where it would not fit."""
        if self.length > _LARGEST or len(self._members) > 0xFFFF:
            raise ValueError("too large for a plain ZIP")
        for member in self._members:
            crc = 0
            async for piece in member.open():
                crc = zlib.crc32(piece, crc)
            self._sums.append(crc)

    async def stream(self) -> AsyncIterator[bytes]:
        """Give out the archive; `prepare` comes first."""
        offset = 0
        directory = b""
        for member, crc in zip(self._members, self._sums, strict=True):
            name = member.name.encode()
            common = (_UTF8_NAMES, 0, self._time, self._date, crc, member.size, member.size, len(name), 0)
            yield _LOCAL.pack(b"PK\x03\x04", _VERSION, *common) + name
            async for piece in member.open():
                yield piece
            directory += _CENTRAL.pack(b"PK\x01\x02", _VERSION, _VERSION, *common, 0, 0, 0, 0, offset) + name
            offset += _LOCAL.size + len(name) + member.size
        count = len(self._members)
        yield directory + _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), offset, 0)
