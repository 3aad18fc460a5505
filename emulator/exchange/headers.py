"""The top header block of a mail: read, and edited without touching any other byte.

What stands below the block is never looked at: it must arrive byte for byte.
"""

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import Header as EncodedHeader
from email.header import decode_header
from email.utils import formataddr, getaddresses, parsedate_to_datetime
from typing import Any

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|$)")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LENIENT: dict[str, Any] = {"strict": False} if "strict" in inspect.signature(getaddresses).parameters else {}
_FOLD = re.compile(r"(?:\r\n|\n|\r)(?=[ \t])|[\r\n]+$")


@dataclass(frozen=True, slots=True)
class Address:
    """A name, where there is one, and an address as it is written."""

    name: str
    address: str

    @property
    def key(self) -> str:
        return self.address.lower()


@dataclass(slots=True)
class Header:
    """The fields as they stand, each with its continuation lines and line ends."""

    fields: list[tuple[str, bytes]]
    newline: bytes

    def raw(self, name: str) -> list[bytes]:
        wanted = name.lower()
        return [line[line.index(b":") + 1 :] for key, line in self.fields if key == wanted]

    def get_all(self, name: str) -> list[str]:
        """Return the values unfolded, encoded words left as they are."""
        return [_FOLD.sub("", _text(value)).strip() for value in self.raw(name)]

    def get(self, name: str) -> str:
        return next(iter(self.get_all(name)), "")

    def text(self, name: str) -> str:
        """Return the first value with its encoded words read."""
        return decode_words(self.get(name))

    def addresses(self, name: str) -> tuple[Address, ...]:
        return tuple(found for value in self.get_all(name) for found in read_addresses(value))

    def without(self, names: Iterable[str], prefix: str | None = None) -> "Header":
        gone = {name.lower() for name in names}
        kept = [
            (key, line)
            for key, line in self.fields
            if key not in gone and not (prefix is not None and key.startswith(prefix))
        ]
        return Header(kept, self.newline)

    def on_top(self, *added: tuple[str, str]) -> "Header":
        """Put fields above all others, the first of them topmost."""
        return Header([(name.lower(), self._line(name, value)) for name, value in added] + self.fields, self.newline)

    def replace(self, name: str, value: str | None) -> "Header":
        """Set one field in the place of the first of its name; None takes it away."""
        key = name.lower()
        place = next((n for n, field in enumerate(self.fields) if field[0] == key), None)
        if value is None:
            return self.without([name])
        kept = [field for n, field in enumerate(self.fields) if field[0] != key or n == place]
        if place is None:
            return Header([*kept, (key, self._line(name, value))], self.newline)
        return Header([(k, self._line(name, value)) if k == key else (k, line) for k, line in kept], self.newline)

    def as_bytes(self) -> bytes:
        return b"".join(line for _, line in self.fields)

    def _line(self, name: str, value: str) -> bytes:
        return f"{name}: ".encode() + value.encode("utf-8").replace(b"\n", self.newline) + self.newline


def split_mail(mime: bytes) -> tuple[Header, bytes]:
    """Split into the top block and the rest, which begins with the blank line where there is one."""
    fields: list[tuple[str, bytes]] = []
    position, newline = 0, b""
    while position < len(mime):
        found = _LINE.match(mime, position)
        assert found is not None
        line = found.group()
        newline = newline or line[len(line.rstrip(b"\r\n")) :]
        if not line.strip(b"\r\n"):
            break
        if line[:1] in b" \t" and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + line)
        elif field := _FIELD.match(line):
            fields.append((field.group(1).decode("ascii").lower(), line))
        elif fields or not line.startswith(b"From "):  # an mbox line on top is no field, and is left out
            break
        position = found.end()
    newline = newline or b"\r\n"
    rest = mime[position:]
    if fields and not fields[-1][1].endswith((b"\r", b"\n")):
        fields[-1] = (fields[-1][0], fields[-1][1] + newline)
    if not fields and rest and rest[:1] not in b"\r\n":
        rest = newline + rest  # a mail without a header: ours must not swallow its first line
    return Header(fields, newline), rest


def decode_words(value: str) -> str:
    """Read encoded words; what cannot be read stays as it is."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(_piece(content, charset) for content, charset in pieces)


def encode_words(value: str) -> str:
    """Write a text as a field's value may hold it."""
    flat = re.sub(r"[\r\n]+", " ", value)
    return flat if flat.isascii() else EncodedHeader(flat, "utf-8").encode(linesep="\n")


def write_address(address: Address) -> str:
    return formataddr((re.sub(r"[\r\n]+", " ", address.name), address.address)) if address.name else address.address


def read_addresses(value: str) -> list[Address]:
    """Read an address list; what is no address is left out."""
    pairs = getaddresses([value], **_LENIENT)
    return [Address(decode_words(name), address) for name, address in pairs if "@" in address]


def read_date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError):
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _piece(content: bytes | str, charset: str | None) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.decode(charset or "ascii", "replace")
    except LookupError:
        return content.decode("latin-1")
