"""Mails in one file: whatever stands in them, they come out as they went in."""

import mailbox
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mime.mbox import MboxMail, from_line

AT = datetime(2026, 9, 2, 14, 41, 7, tzinfo=UTC)
MAIL = Path(__file__).parent.parent / "mail"
PIECES = [b"From ", b"From", b"Fro", b">", b">>", b"\r\n", b"\n", b"\r", b"x", b" ", b"from ", b""]


def quoted(mail: bytes, *cuts: int) -> bytes:
    writer, out, last = MboxMail(), b"", 0
    for cut in (*sorted(cuts), len(mail)):
        out += writer.feed(mail[last:cut])
        last = cut
    return out + writer.close()


def unquoted(text: bytes) -> bytes:
    assert text.endswith(b"\n\n")
    return re.sub(rb"(?m)^>(>*From )", rb"\1", text[:-1])


def as_kept(mail: bytes) -> bytes:
    mail = mail.replace(b"\r\n", b"\n")
    return mail if mail.endswith(b"\n") else mail + b"\n"


def test_a_line_names_sender_and_time_as_c_writes_it() -> None:
    assert from_line("Alice@CT.gov", AT) == b"From alice@ct.gov Wed Sep  2 14:41:07 2026\n"


@pytest.mark.parametrize("sender", ["", "not an address", "a b@ct.gov", "alice@ct.gov\nFrom x", "josé@ct.gov"])
def test_a_sender_that_cannot_be_written_is_nobody(sender: str) -> None:
    assert from_line(sender, AT) == b"From MAILER-DAEMON Wed Sep  2 14:41:07 2026\n"


@pytest.mark.parametrize(
    ("mail", "kept"),
    [
        (b"Subject: x\r\n\r\nFrom me\r\n", b"Subject: x\n\n>From me\n\n"),
        (b">From me\r\n>>From you", b">>From me\n>>>From you\n\n"),
        (b"From: me\r\nfrom you\r\n From us\r\n", b"From: me\nfrom you\n From us\n\n"),
        (b"From ", b">From \n\n"),
        (b"From", b"From\n\n"),
        (b"x\r", b"x\r\n\n"),
        (b"", b"\n"),
    ],
)
def test_lines_that_look_like_a_beginning_are_quoted(mail: bytes, kept: bytes) -> None:
    assert quoted(mail) == kept


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join), st.lists(st.integers(0, 40), max_size=6))
def test_wherever_it_is_cut_a_mail_comes_out_as_it_went_in(mail: bytes, cuts: list[int]) -> None:
    written = quoted(mail, *(min(cut, len(mail)) for cut in cuts))
    assert written == quoted(mail)
    assert not re.search(rb"(?m)^From ", written)
    if mail:
        assert unquoted(written) == as_kept(mail)


def test_all_kinds_of_mail_are_read_back_by_the_standard_library(tmp_path: Path) -> None:
    sources = [path.read_bytes() for path in sorted(MAIL.glob("*.eml"))]
    path = tmp_path / "all.mbox"
    path.write_bytes(b"".join(from_line("alice@ct.gov", AT) + quoted(source, 100, 5000) for source in sources))
    box = mailbox.mbox(path)
    assert len(box) == len(sources) > 100
    for key, source in zip(box.iterkeys(), sources, strict=True):
        read = re.sub(rb"(?m)^>(>*From )", rb"\1", box.get_bytes(key))
        assert read == as_kept(source) or read + b"\n" == as_kept(source), key
    box.close()
