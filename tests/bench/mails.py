"""The mails that are measured: a small one as people write them, and one of 35 MB."""

from emulator.cast import MARIA
from service.core.limits import MESSAGE_BYTES
from tests.bench.sealing import big_mail

SENDER = MARIA[1]
PARAGRAPH = "We still need the pay stubs for August and the signed page of the household list. "
BIG_FILE_BYTES = MESSAGE_BYTES - 65_536
"""The limit counts the text too."""


def small_mail(number: int, to: str) -> bytes:
    """Make a mail of 4 KB: text and HTML, no file."""
    text = f"Good morning.\r\n\r\n{PARAGRAPH * 20}\r\n"
    lines = (
        f"From: Sender <{SENDER}>",
        f"To: Reader <{to}>",
        f"Subject: [secure] Benefits review {number}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/alternative; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
        "--b",
        "Content-Type: text/html; charset=utf-8",
        "",
        f"<html><body><p>{text}</p></body></html>",
        "--b--",
        "",
    )
    return "\r\n".join(lines).encode()


def large_mail(to: str) -> bytes:
    """Make a mail that just keeps the limit: 50 MB on the wire."""
    made = big_mail(BIG_FILE_BYTES)
    return made.replace(b"a@ct.gov", SENDER.encode(), 1).replace(b"b@example.com", to.encode(), 1)
