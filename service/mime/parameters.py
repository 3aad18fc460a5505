"""Structured fields of a part: type, transfer encoding, disposition and their parameters. One pass, never raises.

Values are kept as latin-1 text, one character a byte, until it is known what the bytes mean.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.mime.charsets import decode_header, decode_text
from service.mime.decoders import BASE64, IDENTITY, QUOTED_PRINTABLE, UUENCODE
from service.mime.headers import raw_values
from service.mime.limits import PARAMETERS
from service.mime.notes import Note
from service.mime.words import decode_words

OPAQUE = "application/octet-stream"
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|[^;"\\]+|;|\\', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"?', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}"  # RFC 6838 §4.2
_TYPE = re.compile(rf"\s*({_WORD})\s*/\s*({_WORD})")
_SEGMENT = re.compile(r"([^*]+)\*(\d{1,3})(\*?)")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_COMMENT = re.compile(r"\([^()]*\)")
_ENCODINGS = {
    "base64": BASE64,
    "quoted-printable": QUOTED_PRINTABLE,
    "x-uuencode": UUENCODE,
    "uuencode": UUENCODE,
    "x-uue": UUENCODE,
    "uue": UUENCODE,
    "7bit": IDENTITY,
    "8bit": IDENTITY,
    "binary": IDENTITY,
    "": IDENTITY,
}
_CLEAN = {"base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue", "uue", "7bit", "8bit", "binary", ""}


@dataclass(slots=True)
class Heading:
    """What the header block of a part says about it."""

    type: str = "text/plain"
    parameters: Mapping[str, str] = field(default_factory=dict)
    encoding: str = IDENTITY
    disposition: str = ""
    name: str = ""
    """As the sender wrote it."""
    cid: str = ""
    notes: list[str] = field(default_factory=list)


def read_heading(block: bytes, default_type: str) -> Heading:
    """Read the fields that describe a part; of doubled ones the first counts, with a note.

    Where doubled ones say different things of a leaf, it is a file of no known type.
    """
    heading = Heading(type=default_type)
    types = raw_values(block, "content-type")
    if types:
        first, heading.parameters = split_parameters(types[0])
        found = _TYPE.match(first)
        if found:
            heading.type = f"{found[1]}/{found[2]}".lower()
        else:
            heading.type = OPAQUE
            heading.notes.append(Note.UNREADABLE_TYPE)
    encodings = raw_values(block, "content-transfer-encoding")
    if encodings:
        heading.encoding, note = read_encoding(encodings[0])
        heading.notes += [note] if note else []
    dispositions = raw_values(block, "content-disposition")
    first, parameters = split_parameters(dispositions[0]) if dispositions else ("", {})
    heading.disposition = first.split(maxsplit=1)[0].lower() if first.strip() else ""
    heading.name = read_name(parameters, "filename") or read_name(heading.parameters, "name")
    cids = raw_values(block, "content-id")
    heading.cid = decode_header(cids[0]).strip().strip("<>").strip() if cids else ""
    if heading.type.startswith("message/") and heading.encoding != IDENTITY:
        heading.notes.append(Note.ODD_ENCODING)  # RFC 2046 §5.2: not allowed, and many readers leave it encoded
    if max(len(types), len(encodings), len(dispositions)) > 1:
        heading.notes.append(Note.REPEATED_HEADER)
    if not heading.type.startswith("multipart/") and any(len(_spellings(one)) > 1 for one in (types, encodings)):
        heading.type = OPAQUE  # text to one reader, markup or code to another: a file, never shown
    return heading


def _spellings(values: Sequence[bytes]) -> set[bytes]:
    return {b"".join(value.lower().split()) for value in values}


def read_encoding(value: bytes) -> tuple[str, Note | None]:
    """Return the decoder's name and a note where other programs might read the field otherwise."""
    text = value.decode("latin-1")
    plain = _COMMENT.sub(" ", text).replace('"', " ").partition(";")[0].split()
    token = plain[0].lower() if plain else ""
    if token not in _ENCODINGS:
        return IDENTITY, Note.UNKNOWN_ENCODING
    return _ENCODINGS[token], None if text.lower() in _CLEAN else Note.ODD_ENCODING


def split_parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """Cut a value at `;` outside quotes: the first item and the parameters, of doubles the first."""
    items = [""]
    pieces: list[str] = []
    for piece in _PIECE.findall(value.decode("latin-1")):
        if piece == ";":
            items[-1] = "".join(pieces)
            pieces = []
            items.append("")
            if len(items) > PARAMETERS:
                break
        else:
            pieces.append(piece)
    items[-1] = "".join(pieces)
    first = items[0]
    if "=" in first and not _TYPE.match(first):
        first = ""
    else:
        del items[0]
    parameters: dict[str, str] = {}
    for item in items:
        key, equals, text = item.partition("=")
        if equals and (key := key.strip().lower()):
            parameters.setdefault(key, _unquote(text.strip()))
    return first, parameters


def read_name(parameters: Mapping[str, str], key: str) -> str:
    """Return a file name in whichever form it was written: extended, in segments, plain."""
    if (extended := parameters.get(f"{key}*")) is not None and (name := _extended(extended)):
        return name
    if name := _segments(parameters, key):
        return name
    return _plain(parameters.get(key, "").encode("latin-1"))


def _unquote(text: str) -> str:
    quoted = _QUOTED.match(text) if text.startswith('"') else None
    return _ESCAPED.sub(r"\1", quoted[1]) if quoted else text


def _plain(raw: bytes) -> str:
    text = decode_header(raw)
    return decode_words(text) if "=?" in text else text


def _extended(text: str) -> str:
    charset, quote, rest = text.partition("'")
    _, second, encoded = rest.partition("'")
    if not quote or not second:
        return _plain(_percent(text))
    return decode_text(_percent(encoded), charset)


def _segments(parameters: Mapping[str, str], key: str) -> str:
    found: dict[int, tuple[str, bool]] = {}
    for name, text in parameters.items():
        segment = _SEGMENT.fullmatch(name)
        if segment and segment[1] == key:
            found.setdefault(int(segment[2]), (text, bool(segment[3])))
    charset = ""
    raw: list[bytes] = []
    for position, number in enumerate(sorted(found)):
        text, is_encoded = found[number]
        if position == 0 and is_encoded and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        raw.append(_percent(text) if is_encoded else text.encode("latin-1"))
    joined = b"".join(raw)
    return decode_text(joined, charset) if charset else _plain(joined)


def _percent(text: str) -> bytes:
    return _PERCENT.sub(lambda found: bytes([int(found[1], 16)]), text.encode("latin-1"))
