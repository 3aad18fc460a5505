from pathlib import Path

import pytest

from service.mime.headers import HeaderFilter, field_names, get_all
from service.mime.limits import TOP_HEADER_BYTES
from tests.mime.oracle import index

MAILS = sorted((Path(__file__).parents[1] / "mail").glob("*.eml"))
CHUNKS = (1, 3, 17, 777, 65536)

FULL = (
    b"Received: from inside.example\r\n\tby inside.example\r\nReturn-Path: <a@b.example>\r\nFrom: A <a@b.example>\r\n"
    b"X-MS-Exchange-Organization-AuthAs: Internal\r\nsubject: folded\r\n\tsubject\r\nTO: c@d.example\r\n"
    b"Bcc: secret@d.example\r\nbcc : secret@d.example\r\n"
    b"BCC: x,\r\n secret@d.example\r\nResent-Bcc: secret@d.example\r\n"
    b"Resent-To: r@d.example\r\nX-Originating-IP: [10.0.0.1]\r\nX-Forefront-Antispam-Report: x\r\n"
    b"X-Microsoft-Antispam: x\r\nX-MS-TNEF-Correlator: x\r\nDKIM-Signature: x\r\nX-Safemail-Stamp: secret\r\n"
    b"Content-Type: text/plain\r\nList-Id: l\r\nThread-Index: y\r\nImportance: high\r\n"
)
KEPT = (
    b"From: A <a@b.example>\r\nsubject: folded\r\n\tsubject\r\nTO: c@d.example\r\nResent-To: r@d.example\r\n"
    b"Content-Type: text/plain\r\nList-Id: l\r\nThread-Index: y\r\nImportance: high\r\n"
)


def filtered(raw: bytes, size: int = 65536) -> tuple[bytes, bytes]:
    one = HeaderFilter()
    out = b"".join(one.feed(raw[at : at + size]) for at in range(0, len(raw), size))
    return out + one.close(), one.header


@pytest.mark.parametrize("size", CHUNKS)
def test_only_the_listed_fields_pass_and_the_body_is_untouched(size):
    body = b"Bcc: this is text\r\n\r\n\r\nX-Foo: so is this\r\n\xff\x00"
    assert filtered(FULL + b"\r\n" + body, size) == (KEPT + b"\r\n" + body, FULL + b"\r\n")


@pytest.mark.parametrize("line_end", [b"\n", b"\r"])
def test_other_line_ends_are_read_alike(line_end):
    raw = (FULL + b"\r\nbody\r\n").replace(b"\r\n", line_end)
    assert filtered(raw)[0] == (KEPT + b"\r\nbody\r\n").replace(b"\r\n", line_end)


BODIES = [
    (b"", b""),
    (b"\r\n", b"\r\n"),
    (b"Hello\r\nBcc is a word.\r\n\r\nmore", b"Hello\r\nBcc is a word.\r\n\r\nmore"),
    (b"Only one line", b"Only one line"),
    (b"Bcc: x@y.example\r\n\r\nbody", b"\r\nbody"),
    (b"Bcc: x@y.example\r\nText at once\r\n\r\nmore", b"Text at once\r\n\r\nmore"),
    (b"Subject: x\r\nText at once\r\n\r\nmore", b"Subject: x\r\nText at once\r\n\r\nmore"),
    (b"junk\r\nBcc: x@y.example\r\nSubject: x\r\n\r\nbody", b"Subject: x\r\n\r\nbody"),
    (b"From a@b.example Tue Jul 14 09:30:00 2026\r\nSubject: x\r\n\r\nbody", b"Subject: x\r\n\r\nbody"),
    (b"Subject: x\r\r\nBcc: y@z.example\r\r\n\r\nbody", b"Subject: x\r\r\n\r\nbody"),
    (b"Subject: x\rBcc: y@z.example\r\n\r\nbody", b"Subject: x\r\n\r\nbody"),
    (b"Subject: x", b"Subject: x"),
    (b"Bcc: x@y.example", b""),
    (b"Note: no known field\r\nso this is text", b"Note: no known field\r\nso this is text"),
]


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize(("raw", "expected"), BODIES)
def test_where_the_block_ends(raw, expected, size):
    assert filtered(raw, size)[0] == expected


@pytest.mark.parametrize("size", [777, 65536])
def test_a_header_without_end_hides_what_comes_late(size):
    raw = b"Subject: x\r\n" + b"X-Filler: y\r\n" * 30000 + b"Bcc: late@y.example\r\n\r\nbody"
    out, header = filtered(raw, size)
    assert out == b"Subject: x\r\n\r\nbody"
    assert len(header) <= TOP_HEADER_BYTES


def test_a_header_which_is_one_endless_line_is_left_out():
    assert filtered(b"Bcc: " + b"x" * 3 * TOP_HEADER_BYTES + b"\r\n\r\nbody")[0] == b"\r\nbody"


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_the_filter_changes_no_part(path):
    raw = path.read_bytes()
    out, header = filtered(raw)
    assert {filtered(raw, size) for size in (1, 17)} == {(out, header)}
    assert index(out).content_digest == index(raw).content_digest
    names = set(field_names(header))
    assert out.endswith(raw[len(header) :])
    if "bcc" in names:
        assert b"dave@example.org" not in out


def test_values_are_unfolded_and_decoded_but_words_are_left():
    block = b"Subject: a\r\n b\r\nSUBJECT : =?utf-8?q?c?=\r\nTo:\r\n x@y.example\r\nX-K: K\xf6ln\r\n\r\n"
    assert get_all(block, "subject") == ["a b", "=?utf-8?q?c?="]
    assert get_all(block, "To") == ["x@y.example"]
    assert get_all(block, "x-k") == ["Köln"]
    assert get_all(block, "none") == []
    assert field_names(block) == ["subject", "subject", "to", "x-k"]
