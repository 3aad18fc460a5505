"""Outgoing mail: written here and not by the standard library, whose folding loses quotes and blanks.

Every header line is ASCII and at most 78 characters long where it can be; text travels as base64 in utf-8; files
stream through without being held.
"""

import base64
import re
import secrets
import unicodedata
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from service.core.addresses import BadAddress, normal_form
from service.core.sheet import Person
from service.core.text import header_text, one_line
from service.mime.names import safe_name
from service.mime.surrogates import scrub

CRLF = b"\r\n"
LINE_CHARACTERS = 76  # RFC 2045 §6.8 for base64; RFC 5322 §2.1.1 asks for 78
WORD_CHARACTERS = 75  # RFC 2047 §2
_SUBJECT_CHARACTERS = 400
_LINE_BYTES = 57  # become 76 digits
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,40}")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail to write. Strings may be foreign: they cannot add a header or an address."""

    from_: Person
    to: tuple[Person, ...]
    subject: str
    text: str
    message_id: str
    """With its brackets."""
    date: datetime
    html: str = ""
    reply_to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """More fields, such as Auto-Submitted."""


def new_boundary() -> str:
    """Draw a boundary which cannot occur in base64."""
    return f"=_{secrets.token_hex(16)}"


def write_head(outgoing: Outgoing, boundary: str) -> bytes:
    """Write the top header without its blank line, up to and with MIME-Version; a boundary adds multipart/mixed.

    Raises:
        ValueError: an address, our own id or the name of a field cannot be written.
    """
    if not _ID.fullmatch(outgoing.message_id):
        raise ValueError("not a Message-ID of ours")
    lines = [
        _addresses("From", (outgoing.from_,)),
        _addresses("To", outgoing.to),
        _addresses("Cc", outgoing.cc),
        _addresses("Reply-To", outgoing.reply_to),
        _text("Subject", header_text(scrub(outgoing.subject), _SUBJECT_CHARACTERS)),
        f"Date: {format_datetime(outgoing.date.astimezone(UTC))}",
        _ids("Message-ID", (outgoing.message_id,)),
        _ids("In-Reply-To", (outgoing.in_reply_to,)),
        _ids("References", outgoing.references),
    ]
    for name, value in outgoing.headers:
        if not _NAME.fullmatch(name):
            raise ValueError("not the name of a header field")
        lines.append(_text(name, header_text(scrub(value), _SUBJECT_CHARACTERS)))
    lines.append("MIME-Version: 1.0")
    if boundary:
        lines.append(f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"')
    return b"".join(line.encode("ascii") + CRLF for line in lines if line)


def write_mail(outgoing: Outgoing) -> bytes:
    """Write a mail without attachments."""
    return write_head(outgoing, "") + _body(outgoing)


async def write_with_attachments(
    outgoing: Outgoing, attachments: Iterable[tuple[str, str, AsyncIterable[bytes]]]
) -> AsyncIterator[bytes]:
    """Write a mail piece by piece; an attachment is (name, type, bytes)."""
    boundary = new_boundary()
    delimiter = f"--{boundary}".encode()
    yield write_head(outgoing, boundary) + CRLF + delimiter + CRLF + _body(outgoing)
    for number, (name, type_, content) in enumerate(attachments, 1):
        yield CRLF + delimiter + CRLF + _attachment_head(name, type_, number)
        encoder = Base64Lines()
        async for chunk in content:
            if encoded := encoder.feed(chunk):
                yield encoded
        yield encoder.close()
    yield CRLF + delimiter + b"--" + CRLF


class Base64Lines:
    """Push encoder: lines of 76 digits, whatever the chunks."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data
        cut = len(data) - len(data) % _LINE_BYTES
        self._rest = data[cut:]
        return base64_lines(data[:cut])

    def close(self) -> bytes:
        rest, self._rest = self._rest, b""
        return base64_lines(rest)


def base64_lines(data: bytes) -> bytes:
    """Encode whole lines of 57 bytes; only the last may be shorter."""
    digits = base64.b64encode(data)
    return b"".join(digits[at : at + LINE_CHARACTERS] + CRLF for at in range(0, len(digits), LINE_CHARACTERS))


def _body(outgoing: Outgoing) -> bytes:
    plain = _text_part("plain", outgoing.text)
    if not outgoing.html:
        return plain
    boundary = new_boundary()
    delimiter = f"--{boundary}".encode()
    head = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode()
    html = _text_part("html", outgoing.html)
    return head + delimiter + CRLF + plain + CRLF + delimiter + CRLF + html + CRLF + delimiter + b"--" + CRLF


def _text_part(subtype: str, text: str) -> bytes:
    data = re.sub(r"\r\n|\r|\n", "\r\n", scrub(text)).encode()
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + base64_lines(data)


def _attachment_head(name: str, type_: str, number: int) -> bytes:
    type_ = type_.lower()
    if not _TYPE.fullmatch(type_) or type_.startswith(("multipart/", "message/")):
        type_ = "application/octet-stream"  # RFC 2046 §5.2.1: base64 is not allowed for message/rfc822
    name = safe_name(name, type_, number)
    return (
        f"Content-Type: {type_}{_parameter('name', name)}\r\n"
        f"Content-Disposition: attachment{_parameter('filename', name)}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode("ascii")


def _parameter(key: str, value: str) -> str:
    if len(value) < 60 and value.isascii() and '"' not in value and "\\" not in value:
        return f';\r\n {key}="{value}"'
    segments = [""]
    room = LINE_CHARACTERS - len(key) - len("*99*=utf-8'';") - 1
    for char in value:
        encoded = "".join(
            chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"%{byte:02X}" for byte in char.encode()
        )
        if len(segments[-1]) + len(encoded) > room:
            segments.append("")
        segments[-1] += encoded
    if len(segments) == 1:
        return f";\r\n {key}*=utf-8''{segments[0]}"
    first = f";\r\n {key}*0*=utf-8''{segments[0]}"
    return first + "".join(f";\r\n {key}*{number}*={text}" for number, text in enumerate(segments[1:], 1))


def _addresses(name: str, people: Iterable[Person]) -> str:
    written = [_address(person, len(name) + 2) for person in people]
    return f"{name}: " + ",\r\n ".join(written) if written else ""


def _address(person: Person, used: int) -> str:
    """Write one person; raises ValueError for an address that cannot be written in ASCII."""
    try:
        address = normal_form(person.address)
    except BadAddress as exc:
        raise ValueError("not an address that can be written") from exc
    local = person.address.strip().rpartition("@")[0]
    address = f"{unicodedata.normalize('NFC', local)}@{address.rpartition('@')[2]}"
    phrase = _phrase(header_text(scrub(person.name), 100), used)
    if not phrase:
        return address
    last = phrase.rpartition("\n")[2]
    fold = "\r\n " if len(last) + len(address) + 3 + (used if last == phrase else 0) > LINE_CHARACTERS else " "
    return f"{phrase}{fold}<{address}>"


def _phrase(name: str, used: int) -> str:
    if not name.isascii() or (len(name) + used > LINE_CHARACTERS and not _ATOMS.fullmatch(name)):
        return _words(name, used)  # a quoted string may not be folded safely, words may
    if _ATOMS.fullmatch(name):
        return _fold(name, used) if len(name) + used > LINE_CHARACTERS else name
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    return f'"{escaped}"' if name else ""


def _text(name: str, value: str) -> str:
    used = len(name) + 2
    is_plain = value.isascii() and all(len(word) + used < LINE_CHARACTERS for word in value.split(" "))
    return f"{name}: {_fold(value, used) if is_plain else _words(value, used)}"


def _fold(text: str, used: int) -> str:
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and used + len(line) + 1 + len(word) > LINE_CHARACTERS:
            lines.append(line)
            line, used = word, 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def _words(text: str, used: int) -> str:
    """Write encoded words, cut between characters and never before a mark that belongs to the one in front."""
    words: list[str] = []
    piece = ""
    for cluster in re.findall(r"[\s\S][\u0300-\u036f\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]{0,8}", text):
        room = (WORD_CHARACTERS - (used if not words else 1) - len("=?utf-8?b??=")) // 4 * 3
        if piece and len((piece + cluster).encode()) > room:
            words.append(piece)
            piece = ""
        piece += cluster
    words.append(piece)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word.encode()).decode()}?=" for word in words)


def _ids(name: str, ids: Iterable[str]) -> str:
    """Write ids one a line; what is no id of the usual form is left out."""
    kept = [found for id_ in ids if _ID.fullmatch(found := one_line(id_))]
    return f"{name}: " + "\r\n ".join(kept) if kept else ""
