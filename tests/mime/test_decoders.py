import base64
import binascii
import quopri

import pytest

from service.mime.decoders import BASE64, IDENTITY, QUOTED_PRINTABLE, UUENCODE, decoder
from service.mime.notes import Note

CHUNKS = (1, 2, 3, 17, 777, 65536)
EVERY = bytes(range(256)) * 5


def decode(encoding: str, data: bytes, size: int = 65536) -> tuple[bytes, list[str]]:
    one = decoder(encoding)
    out = b"".join(one.feed(data[at : at + size]) for at in range(0, len(data), size))
    return out + one.close(), one.notes


BASE64_ROWS = [
    (b"", b"", []),
    (base64.encodebytes(EVERY), EVERY, []),
    (base64.encodebytes(EVERY).replace(b"\n", b" \t\r\n"), EVERY, []),
    (b"QUJD", b"ABC", []),
    (b"QUI=", b"AB", []),
    (b"QUI", b"AB", [Note.DAMAGED_BASE64]),
    (b"QQ", b"A", [Note.DAMAGED_BASE64]),
    (b"QUJDQ", b"ABC", [Note.DAMAGED_BASE64]),
    (b"QU!JD", b"ABC", [Note.DAMAGED_BASE64]),
    (b"=QUJD", b"ABC", [Note.DAMAGED_BASE64]),
    (b"QQ=JD", b"A\x02C", [Note.DAMAGED_BASE64]),
    (b"QQ==\r\nQUJD\r\n", b"AABC", [Note.DAMAGED_BASE64]),
    (b"QQ==QQ==", b"AA", [Note.DAMAGED_BASE64]),
    (b"QQ==\r\n-- \r\nA list's footer\r\nQUJD\r\n", b"A", [Note.TEXT_AFTER_BASE64]),
    (b"QQ==\r\nnot a multiple\r\n", b"A", [Note.TEXT_AFTER_BASE64]),
    (b"QQ==\r\n" + b" " * 3000 + b"\r\nQUJD  \r\n", b"AABC", [Note.DAMAGED_BASE64]),
    (b"QQ==\r\n" + b"QUJD" * 300, b"A", [Note.TEXT_AFTER_BASE64]),
    (b"QQ==\r\nQUJD \t QUJD\r\n", b"A", [Note.TEXT_AFTER_BASE64]),
    (b"QQ==\r\n" * 100, b"A" * 65, [Note.DAMAGED_BASE64, Note.TEXT_AFTER_BASE64]),
    (b"=" * 100 + b"QUI=" + b"QUI=", b"AB\x10P", [Note.DAMAGED_BASE64]),
]


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize(("data", "expected", "notes"), BASE64_ROWS)
def test_base64_is_read_row_by_row(data, expected, notes, size):
    assert decode(BASE64, data, size) == (expected, notes)


QP_ROWS = [
    b"",
    b"plain\r\n",
    b"caf=C3=A9 =e2=82=ac",
    b"soft=\r\n break=\n and=20blank \r\n",
    b"lone = sign =ZZ =4",
    b"at the end =",
    b"== =3D== ===41 ====",
    b"= \r\nblank before the break",
    quopri.encodestring(EVERY),
    b"x" * 5000 + b"=41" * 2000,
]


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize("data", QP_ROWS)
def test_quoted_printable_equals_the_standard_library(data, size):
    assert decode(QUOTED_PRINTABLE, data, size) == (quopri.decodestring(data), [])


@pytest.mark.parametrize("size", CHUNKS)
def test_a_soft_break_ended_by_cr_alone_loses_nothing(size):
    assert decode(QUOTED_PRINTABLE, b"a=\rb==\rc=\r", size) == (b"ab=\rc", [Note.DAMAGED_QUOTED_PRINTABLE])


def _uu(data: bytes, line_end: bytes = b"\r\n") -> bytes:
    lines = [binascii.b2a_uu(data[at : at + 45]).rstrip(b"\n") for at in range(0, len(data), 45)]
    return line_end.join([b"begin 644 a.bin", *lines, b"`", b"end", b""])


UU_ROWS = [
    (_uu(EVERY), EVERY, []),
    (_uu(EVERY, b"\n"), EVERY, []),
    (b"Hello\r\n" + _uu(b"abc") + b"\r\nBye", b"abc", []),
    (b"no begin at all\r\n", b"no begin at all\r\n", [Note.DAMAGED_UUENCODE]),
    (b"begin 644 a\r\n#86)C\r\n", b"abc", [Note.DAMAGED_UUENCODE]),
    (b"begin 644 a\r\n#86)CXXXX\r\nend\r\n", b"abc", []),
    (b"begin 644 a\r\n\x01\x02\xff\r\nend\r\n", b"", [Note.DAMAGED_UUENCODE]),
]


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize(("data", "expected", "notes"), UU_ROWS)
def test_uuencode_is_read_row_by_row(data, expected, notes, size):
    assert decode(UUENCODE, data, size) == (expected, notes)


@pytest.mark.parametrize("encoding", [IDENTITY, "x-nobody-knows"])
def test_what_is_not_encoded_passes(encoding):
    assert decode(encoding, EVERY, 7) == (EVERY, [])
