"""Which files may be looked at as pictures: the four raster kinds, by their own first bytes, not by their name.

Width and height are read from the header; nothing is decoded here. Sources: PNG (W3C, §11.2.2), GIF89a §18,
JPEG (ITU T.81 §B.2.2), WebP (RFC 9649 §2).
"""

import struct
from dataclasses import dataclass

from service.mime.roles import picture_type

HEAD_BYTES = 262_144
"""Read to find the size: a JPEG may carry several segments of 64 KiB before it says so."""
PICTURE_BYTES = 20_971_520
SIDE_LONGEST = 16_384
"""Pixels; what browsers and phones still draw."""
PIXELS_MOST = 64_000_000
"""Four bytes each, in the reader's browser: a file of a few bytes must not take its memory."""
PREVIEW_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
PREVIEW_EXTENSIONS = frozenset({"png", "jpg", "jpeg", "jpe", "gif", "webp"})
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Picture:
    type: str
    width: int
    height: int


def read_picture(head: bytes) -> Picture | None:
    """Read kind and size from the first bytes of a file; None for what is no picture to show, or too large a one."""
    kind = picture_type(head[:16])
    if kind not in PREVIEW_TYPES:
        return None
    read = {"image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif, "image/webp": _webp}[kind]
    try:
        width, height = read(head)
    except (struct.error, IndexError):
        return None
    is_fit = 0 < width <= SIDE_LONGEST and 0 < height <= SIDE_LONGEST and width * height <= PIXELS_MOST
    return Picture(kind, width, height) if is_fit else None


def _png(head: bytes) -> tuple[int, int]:
    if head[12:16] != b"IHDR":
        return 0, 0
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _gif(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", head, 6)
    return width, height


def _jpeg(head: bytes) -> tuple[int, int]:
    at = 2
    while True:
        if head[at] != 0xFF:
            return 0, 0
        while head[at] == 0xFF:
            at += 1
        marker = head[at]
        at += 1
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 3)
            return width, height
        if marker not in _NO_LENGTH:
            (length,) = struct.unpack_from(">H", head, at)
            if length < 2:
                return 0, 0
            at += length


def _webp(head: bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(_exactly(head, 24, 3), "little"), 1 + int.from_bytes(_exactly(head, 27, 3), "little")
    if kind == b"VP8L" and head[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", head, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _exactly(head: bytes, at: int, count: int) -> bytes:
    if len(head) < at + count:
        raise IndexError
    return head[at : at + count]
