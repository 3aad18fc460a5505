"""Width and height are read from the header; what lies about itself or is too large is no picture."""

import struct
import zlib
from collections.abc import Callable

import pytest

from service.mailbox.pictures import HEAD_BYTES, PIXELS_MOST, SIDE_LONGEST, Picture, read_picture


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    lines = b"".join(b"\0" + b"\x20\x50\xa0" * width for _ in range(height)) if width * height < 1_000_000 else b""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(20)


def jpeg(width: int, height: int, before: bytes = b"") -> bytes:
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + b"\xff\xe0\x00\x10JFIF" + bytes(10) + before + frame + b"\xff\xd9"


def webp(kind: bytes, rest: bytes) -> bytes:
    return b"RIFF\x00\x00\x00\x00WEBP" + kind + struct.pack("<I", len(rest)) + rest


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | (height - 1) << 14) + bytes(9))


def extended(width: int, height: int) -> bytes:
    return webp(b"VP8X", bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


SEGMENT = b"\xff\xe1\xff\xff" + bytes(0xFFFD)


@pytest.mark.parametrize(
    ("head", "type_"),
    [
        (png(640, 300), "image/png"),
        (gif(640, 300), "image/gif"),
        (jpeg(640, 300), "image/jpeg"),
        (jpeg(640, 300, b"\xff\xff\xff\xfe\x00\x02\xff\x01\xff\xd0"), "image/jpeg"),
        (jpeg(640, 300, SEGMENT * 3), "image/jpeg"),
        (lossless(640, 300), "image/webp"),
        (extended(640, 300), "image/webp"),
        (webp(b"VP8 ", b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", 640 | 1 << 14, 300)), "image/webp"),
    ],
)
def test_the_four_kinds_tell_their_size(head: bytes, type_: str) -> None:
    assert read_picture(head[:HEAD_BYTES]) == Picture(type_, 640, 300)
    for cut in range(24):
        read_picture(head[:cut])  # whatever is said of a stump, nothing breaks


@pytest.mark.parametrize("make", [png, gif, jpeg, lossless, extended])
def test_a_picture_may_be_so_large_and_no_larger(make: Callable[[int, int], bytes]) -> None:
    other = PIXELS_MOST // SIDE_LONGEST
    assert read_picture(make(SIDE_LONGEST, other)) is not None
    assert read_picture(make(SIDE_LONGEST, other + 1)) is None
    if make is not lossless:
        assert read_picture(make(SIDE_LONGEST + 1, 1)) is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html>",
        b"%PDF-1.7",
        b"BM" + bytes(60),
        b"\0\0\x01\0" + bytes(60),
        b"MZ" + bytes(60),
        png(0, 1),
        gif(1, 0),
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dXXXX" + bytes(20),
        b"\xff\xd8\xff\xe0\x00\x00" + bytes(20),
        b"\xff\xd8\xff\xda\x00\x08" + bytes(20),
        b"\xff\xd8" + b"\xff" * 99,
        jpeg(640, 300, SEGMENT * 4)[:HEAD_BYTES],
        webp(b"ALPH", bytes(20)),
        webp(b"VP8L", bytes(20)),
        webp(b"VP8 ", bytes(20)),
    ],
)
def test_all_else_is_no_picture(head: bytes) -> None:
    assert read_picture(head) is None
