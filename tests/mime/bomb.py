"""A child process: makes one hostile mail bit by bit, reads it, and prints how far its memory grew, in KiB.

`python -m tests.mime.bomb NAME`. Nothing of the mail but its present piece is held here.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from service.mime.headers import HeaderFilter
from service.mime.index import MailIndexer

MEBIBYTE = 1024 * 1024
HEAD = b"From: a@b.example\r\nSubject: x\r\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
HTML_PART = b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
PART = HEAD + MIXED + b"--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: "


def times(piece: bytes, size: int) -> Iterator[bytes]:
    block = piece * max(1, 65536 // len(piece))
    for _ in range(size // len(block)):
        yield block


def nested(depth: int) -> bytes:
    return HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in range(depth)
    )


def simple(head: bytes, piece: bytes, mebibytes: int) -> Callable[[], Iterator[bytes]]:
    def mail() -> Iterator[bytes]:
        yield head
        yield from times(piece, mebibytes * MEBIBYTE)
        yield b"\r\n--b--\r\n"

    return mail


def field(name: str, piece: bytes, count: int) -> Callable[[], Iterator[bytes]]:
    return lambda: iter([HEAD, name.encode() + b": " + piece * count + b"\r\n\r\nbody\r\n"])


BOMBS: dict[str, Callable[[], Iterator[bytes]]] = {
    "35 MB of base64": simple(PART + b"base64\r\n\r\n", b"QUJD" * 19 + b"\r\n", 48),
    "35 MB of base64 in one line": simple(PART + b"base64\r\n\r\n", b"QUJD", 48),
    "35 MB in one line": simple(HEAD + b"\r\n", b"x", 35),
    "plain lines inside 30 multiparts": simple(nested(30) + b"\r\n", b"plain line\r\n", 10),
    "3000 nested multiparts": lambda: iter([nested(3000)]),
    "5000 nested mails": lambda: iter([HEAD, b"Content-Type: message/rfc822\r\n\r\n" * 5000]),
    "1 M parts": simple(HEAD + MIXED, b"--b\r\n\r\n", 7),
    "near boundaries": simple(PART + b"7bit\r\n\r\n", b"--c\r\n", 10),
    "near boundaries in a preamble": simple(HEAD + MIXED, b"--c\r\n", 10),
    "near boundaries inside 30 multiparts": simple(nested(30) + b"\r\n", b"--c\r\n", 10),
    "dashes in a preamble": simple(HEAD + MIXED, b"-", 10),
    "bare LF": simple(HEAD + b"\r\n", b"\n", 20),
    "bare CR": simple(HEAD + b"\r\n", b"\r", 20),
    "nothing but CR": simple(b"", b"\r", 20),
    "a header without end": simple(b"", b"X: y\r\n", 9),
    "a header line without end": simple(b"X: ", b"y", 9),
    "a delivery status of 200,000 blocks": simple(
        HEAD + b"Content-Type: message/delivery-status\r\n\r\n", b"A: b\r\n\r\n", 2
    ),
    "padded blocks": simple(PART + b"base64\r\n\r\n", b"QQ==\r\n", 10),
    "padded blocks in one line": simple(PART + b"base64\r\n\r\n", b"QQ==", 10),
    "nothing but padding": simple(PART + b"base64\r\n\r\n", b"=", 10),
    "a pad after each quad": simple(PART + b"base64\r\n\r\n", b"QUJD=", 10),
    "equal signs in quoted-printable": simple(PART + b"quoted-printable\r\n\r\n", b"=", 10),
    "soft breaks by CR": simple(PART + b"quoted-printable\r\n\r\n", b"=\r", 10),
    "begin after begin": simple(PART + b"x-uuencode\r\n\r\n", b"begin 644 \n", 10),
    "a line of uuencode without end": simple(PART + b"x-uuencode\r\n\r\nbegin 644 a\n", b"M", 10),
    "commas in To": field("To", b",", 60000),
    "words in To": field("To", b"a ", 32000),
    "dots in To": field("To", b"a.", 20000),
    "comments in To": field("To", b"(", 60000),
    "angles in To": field("To", b"<", 60000),
    "quotes in To": field("To", b'"\\', 30000),
    "colons in To": field("To", b":", 60000),
    "brackets in To": field("To", b"[mailto:", 8000),
    "words in Subject": field("Subject", b"=?utf-8?q?a?= ", 4500),
    "beginnings of words in Subject": field("Subject", b"=?a?q?", 10000),
    "references": field("References", b"<", 60000),
    "5000 parameters": field("Content-Type", b"a/b; c=d", 5000),
    "semicolons in an open quote": field("Content-Type", b'a/b; x="' + b";" * 60, 1000),
    "comments in the encoding": field("Content-Transfer-Encoding", b"(", 60000),
    "fields upon fields": lambda: iter([b"To: a@b.example\r\n" * 15000, b"\r\n"]),
    "angles in html": simple(HEAD + b"Content-Type: text/html\r\n\r\n", b"<", 4),
    "open styles in html": simple(HEAD + b"Content-Type: text/html\r\n\r\n", b"<style ", 4),
    "open comments in html": simple(HEAD + b"Content-Type: text/html\r\n\r\n", b"<!--", 4),
    "large html in wide characters": simple(
        HEAD + MIXED, HTML_PART + "\U0001f600<p>&amp; cid:x".encode() * 200_000 + b"\r\n", 24
    ),
    "large html competing with a plain view": simple(
        HEAD + MIXED.replace(b"mixed", b"alternative"),
        HTML_PART + "<p>\U0001f600".encode() + b"<p>&nbsp;" * 400_000 + b"\r\n",
        20,
    ),
    "999 html parts": simple(HEAD + MIXED, HTML_PART + "é<p>x".encode() * 2500 + b"\r\n", 14),
}


def grown(name: str) -> int:
    for warm in (b"Subject: warm\r\n\r\nup", b""):
        indexer = MailIndexer()
        indexer.feed(warm)
        indexer.close()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak so far: proc(5)
    before = _peak()
    header, indexer = HeaderFilter(), MailIndexer()
    for chunk in BOMBS[name]():
        for at in range(0, len(chunk), 65536):
            indexer.feed(header.feed(chunk[at : at + 65536]))
    indexer.feed(header.close())
    indexer.close()
    return _peak() - before


def _peak() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    print(grown(sys.argv[1]))
