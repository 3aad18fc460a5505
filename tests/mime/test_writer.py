import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.sheet import Person, Role
from service.core.text import header_text
from service.mime.writer import Base64Lines, Outgoing, new_boundary, write_head, write_mail, write_with_attachments
from tests.mime.oracle import index

JANE = Person("Jane Doe", "jane@example.org")
MAIL = Outgoing(
    from_=Person("Secure Mail", "mailer@agency.example"),
    to=(Person("Alice Example", "alice@agency.example"),),
    subject="Re: [secure] a case",
    text="Hello\nWorld\n",
    message_id="<row.1@portal.example>",
    date=datetime(2026, 7, 14, 9, 30, tzinfo=UTC),
    reply_to=(JANE,),
    references=("<a@b>", "<c@d>"),
    in_reply_to="<c@d>",
    headers=(("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")),
)
PLANNED = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "X-Auto-Response-Suppress", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
]  # fmt: skip

FOREIGN = [
    "plain words",
    "carriage\rBcc: eve@evil.example",
    "line\nBcc: eve@evil.example",
    "both\r\nBcc: eve@evil.example\r\n\r\nbody",
    "separator\u2028Bcc: eve@evil.example",
    "next line\x85Bcc: eve@evil.example",
    "nul\x00Bcc: eve@evil.example",
    "=?utf-8?q?a=0D=0ABcc:_eve=40evil.example?=",
    "=?utf-8?b?YQ0KQmNjOiBldmVAZXZpbC5leGFtcGxl?=",
    "x" * 10000,
    "word " * 2000,
    "é" * 10000,
    "lone \ud800 surrogate",
    "=?",
    "=?utf-8?q?",
    "Smith, Robert victim@ct.gov, Office of Policy and Management, another@ct.gov, and some more words",
    'quote " and \\ backslash <evil@x.example>, other@x.example',
    "Governor <gov@ct.gov>",
    "a@ct.gov",
    "\u202ereversed\u200b",
    "日本語の名前 とても長い名前 " * 5,
    "👨‍👩‍👧 family",
    "",
    "   ",
    "semi; colon: (comment)",
]


def parsed(raw: bytes) -> Message:
    return message_from_bytes(raw, policy=policy.compat32)


def children(message: Message) -> list[Message]:
    payload = message.get_payload()
    assert isinstance(payload, list)
    return [part for part in payload if isinstance(part, Message)]


def read_header(value: str) -> str:
    return str(make_header(decode_header(re.sub(r"\r?\n(?=[ \t])", "", value))))


def check_lines(raw: bytes) -> None:
    head = raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    for line in head.split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        for word in re.findall(rb"=\?utf-8\?b\?[^?]*\?=", line):
            assert len(word) <= 75


def test_a_plain_mail_reads_back():
    raw = write_mail(MAIL)
    message = parsed(raw)
    assert message.keys() == PLANNED
    assert message["From"] == "Secure Mail <mailer@agency.example>"
    assert message["Date"] == "Tue, 14 Jul 2026 09:30:00 +0000"
    assert message["References"].split() == ["<a@b>", "<c@d>"]
    assert message["Message-ID"] == "<row.1@portal.example>"
    assert message.get_payload(decode=True) == b"Hello\r\nWorld\r\n"
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78


def test_both_views_read_back():
    raw = write_mail(replace(MAIL, html="<p>Grüße</p>", text="Grüße"))
    plain, rich = children(parsed(raw))
    assert plain.get_payload(decode=True) == "Grüße".encode()
    assert rich.get_payload(decode=True) == "<p>Grüße</p>".encode()
    assert [part.role for part in index(raw).parts] == [Role.CONTAINER, Role.BODY_TEXT, Role.BODY_HTML]


def test_our_own_reader_agrees():
    mail = index(write_mail(replace(MAIL, subject="Re: Grüße  ", cc=(Person("Доу, Джейн", "j@d.example"),))))
    assert mail.subject == "Re: Grüße"
    assert mail.cc == (Person("Доу, Джейн", "j@d.example"),)
    assert mail.reply_to == (JANE,)
    assert mail.references == ("<a@b>", "<c@d>")
    assert not mail.automatic  # made by a program, but no answer to anybody
    assert mail.date == MAIL.date


@pytest.mark.parametrize("foreign", FOREIGN)
def test_no_foreign_subject_adds_a_header(foreign):
    raw = write_mail(replace(MAIL, subject=foreign))
    message = parsed(raw)
    check_lines(raw)
    assert message.keys() == PLANNED
    assert read_header(message["Subject"]) == header_text(foreign.encode("utf-8", "replace").decode(), 400)


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("field", ["from_", "to", "reply_to"])
def test_no_foreign_name_adds_an_address_or_a_header(foreign, field):
    person = Person(foreign, "known@example.org")
    outgoing = {
        "from_": replace(MAIL, from_=person),
        "to": replace(MAIL, to=(person,)),
        "reply_to": replace(MAIL, reply_to=(person,)),
    }[field]
    raw = write_mail(outgoing)
    message = parsed(raw)
    check_lines(raw)
    assert message.keys() == PLANNED
    name = {"from_": "From", "to": "To", "reply_to": "Reply-To"}[field]
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", message[name])
    assert [address for _, address in getaddresses([unfolded])] == ["known@example.org"]
    people = {"from_": index(raw).from_, "to": index(raw).to, "reply_to": index(raw).reply_to}[field]
    assert [person.address for person in people] == ["known@example.org"]


@pytest.mark.parametrize("foreign", FOREIGN)
async def test_no_foreign_file_name_adds_a_header(foreign):
    raw = await whole(MAIL, (foreign, "application/pdf", b"content"))
    message = parsed(raw)
    assert message.keys() == [*PLANNED[:-2], "Content-Type"]
    _, part = children(message)
    assert part.keys() == ["Content-Type", "Content-Disposition", "Content-Transfer-Encoding"]
    assert part.get_payload(decode=True) == b"content"
    assert index(raw).parts[-1].name
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120), st.text(max_size=80))
def test_any_subject_and_name_read_back(subject: str, name: str):
    raw = write_mail(replace(MAIL, subject=subject, to=(Person(name, "a@b.example"), Person(name, "c@d.example"))))
    check_lines(raw)
    mail = index(raw)
    assert mail.subject == header_text(subject, 400)
    assert [person.address for person in mail.to] == ["a@b.example", "c@d.example"]
    assert read_header(parsed(raw)["Subject"]) == header_text(subject, 400)
    assert all(len(line) <= 78 for line in raw.split(b"\r\n") if not line.startswith((b"Subject: ", b" ")))


@pytest.mark.parametrize(
    "address", ["", "no-at", "a@b\r\nBcc: x@y", "jörg@x.example", "a b@c.example", "<a@b.example>"]
)
def test_an_address_that_cannot_be_written_is_refused(address):
    with pytest.raises(ValueError, match="address"):
        write_mail(replace(MAIL, to=(Person("", address),)))


def test_a_domain_is_written_in_ascii():
    raw = write_mail(replace(MAIL, to=(Person("", "Bob.X@köln.example"),)))
    assert parsed(raw)["To"] == "Bob.X@xn--kln-sna.example"


@pytest.mark.parametrize("name", ["Bcc: x", "A\r\nB", "", "Ünder", "a b"])
def test_a_field_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="field"):
        write_mail(replace(MAIL, headers=((name, "x"),)))


@pytest.mark.parametrize("id_", ["", "a@b", "<a b@c>", "<a>\r\nBcc: x", "<" + "a" * 300 + ">"])
def test_foreign_ids_of_another_form_are_left_out_and_ours_is_refused(id_):
    raw = write_mail(replace(MAIL, references=(id_, "<ok@x>"), in_reply_to=id_))
    assert parsed(raw)["References"] == "<ok@x>"
    assert "In-Reply-To" not in parsed(raw)
    with pytest.raises(ValueError, match="Message-ID"):
        write_mail(replace(MAIL, message_id=id_))


def test_a_head_can_be_written_alone():
    head = write_head(MAIL, "b")
    assert head.endswith(b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="b"\r\n')


def test_boundaries_are_fresh():
    assert len({new_boundary() for _ in range(100)}) == 100


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def whole(outgoing: Outgoing, *files: tuple[str, str, bytes]) -> bytes:
    attachments = [(name, type_, pieces(content)) for name, type_, content in files]
    return b"".join([piece async for piece in write_with_attachments(outgoing, attachments)])


NAMES = [
    "report.pdf",
    "Grüße.pdf",
    "日本語" * 20 + ".pdf",
    "long " * 35 + ".pdf",
    "it's 100%.pdf",
    "a=b;c.pdf",
    "x" * 59,
]


@pytest.mark.parametrize("name", NAMES)
async def test_file_names_read_back(name):
    raw = await whole(MAIL, (name, "application/pdf", b"x"))
    _, part = children(parsed(raw))
    found = part.get_filename()
    assert found == name
    assert index(raw).parts[-1].name == name


async def test_files_stream_through_unharmed():
    contents = [bytes(range(256)) * 400, b"", b"x", b"y" * 57, b"z" * 58]
    raw = await whole(replace(MAIL, html="<p>x</p>"), *[(f"{n}.bin", "a/b", one) for n, one in enumerate(contents)])
    parts = children(parsed(raw))
    assert [part.get_payload(decode=True) for part in parts[1:]] == contents
    assert all(not part.notes for part in index(raw).parts)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78


@pytest.mark.parametrize("type_", ["message/rfc822", "multipart/mixed", "text/html\r\nX: y", "", "no-slash"])
async def test_types_that_may_not_be_encoded_become_plain_files(type_):
    raw = await whole(MAIL, ("inner.eml", type_, b"Subject: x\r\n\r\n"))
    _, part = children(parsed(raw))
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == b"Subject: x\r\n\r\n"


@pytest.mark.parametrize("size", [1, 3, 57, 58, 1000])
def test_base64_lines_do_not_depend_on_chunks(size):
    content = bytes(range(256)) * 3
    encoder = Base64Lines()
    out = b"".join(encoder.feed(content[at : at + size]) for at in range(0, len(content), size)) + encoder.close()
    whole_encoder = Base64Lines()
    assert out == whole_encoder.feed(content) + whole_encoder.close()
