"""Header blocks: where one ends, what stands in it, and which fields a recipient may see."""

import re
from collections.abc import Iterable, Sequence

from service.mime.charsets import decode_header
from service.mime.limits import LINE_END_SOUGHT_BYTES, TOP_HEADER_BYTES, VALUE_BYTES

LF = b"\n"
CR = b"\r"

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_LF_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_CR_LINE = re.compile(rb"[^\r]*\r|[^\r]+\Z")
_LINE_ENDS = re.compile(rb"\r?\n|\r(?=[ \t]|\Z)")
_SMUGGLED = re.compile(rb"\r([!-9;-~]{1,200})[ \t]*:[^\r\n]*")
_KEPT = re.compile(
    r"from|sender|reply-to|to|cc|date|subject|message-id|in-reply-to|references|mime-version|content-.+|importance|"
    r"priority|x-priority|sensitivity|keywords|comments|thread-topic|thread-index|auto-submitted|list-.+|"
    r"resent-(?!bcc$).+"
)
_KNOWN = re.compile(
    _KEPT.pattern + r"|b?cc|resent-bcc|received|return-path|delivered-to|envelope-to|errors-to|precedence|user-agent|"
    r"organization|status|x-.+|arc-.+|dkim-.+|domainkey-signature|authentication-results|disposition-notification-to|"
    r"return-receipt-to|apparently-to|lines|newsgroups|path|accept-language|feedback-id"
)


def is_kept(name: str) -> bool:
    """Say whether recipients may see this field; the list is closed, so what is new stays out."""
    return _KEPT.fullmatch(name.lower()) is not None


def find_line_end(beginning: bytes | bytearray, *, final: bool) -> bytes | None:
    """Say what ends a line in this mail, CR only where the beginning has no LF; None: more bytes are needed."""
    window = beginning[:LINE_END_SOUGHT_BYTES]
    if LF in window:
        return LF
    if len(window) < LINE_END_SOUGHT_BYTES and not final:
        return None
    return CR if CR in window else LF


class BlockReader:
    """Finds the end of a header block while bytes arrive.

    A line that is no field is taken into the block only where a well-known field follows; else the body begins there.
    Without a blank line and without any well-known field there is no block at all.
    """

    def __init__(self, longest: int, line_end: bytes = LF, boundary: re.Pattern[bytes] | None = None) -> None:
        self.buffer = bytearray()
        self.end: int | None = None
        """First byte behind the block and its blank line, once known."""
        self.is_too_long = False
        self._longest = longest
        self._line_end = line_end
        self._boundary = boundary
        self._line = 0
        self._searched = 0
        self._odd: int | None = None
        self._has_known = False

    def feed(self, data: bytes) -> bool:
        """Take more bytes; true once the end is known or given up."""
        self.buffer += data
        while self.end is None and not self.is_too_long:
            found = self.buffer.find(self._line_end, self._searched)
            if found < 0:
                self._searched = len(self.buffer)
                self.is_too_long = self._searched > self._longest
                break
            if found >= self._longest:
                self.is_too_long = True
                break
            start, self._line, self._searched = self._line, found + 1, found + 1
            self._take(start, bytes(self.buffer[start:found]))
        return self.end is not None or self.is_too_long

    def close(self) -> None:
        """No more bytes will come."""
        if self.end is not None or self.is_too_long:
            return
        if self._line < len(self.buffer):
            start, self._line = self._line, len(self.buffer)
            self._take(start, bytes(self.buffer[start:]))
        if self.end is None:
            behind = len(self.buffer) if self._odd is None else self._odd
            self.end = behind if self._has_known else 0

    def _take(self, start: int, line: bytes) -> None:
        field = _FIELD.match(line)
        is_known = field is not None and _KNOWN.fullmatch(field[1].decode("ascii").lower()) is not None
        if self._boundary is not None and self._boundary.fullmatch(line):
            self.end = start if self._odd is None else self._odd
        elif self._odd is not None:
            if is_known:
                self._odd = None
                self._has_known = True
            else:
                self.end = self._odd if self._has_known else 0
        elif not line.strip(b"\r"):
            self.end = self._line
        elif field is not None or (start == 0 and line.startswith((b"From ", b">From "))):
            self._has_known = self._has_known or is_known
        elif start == 0 or line[:1] not in {b" ", b"\t"}:
            self._odd = start


def split_fields(block: bytes) -> list[tuple[str, bytes]]:
    """Cut a block into (name in lower case, bytes as they stand); a line that is no field has the name ''."""
    found: list[tuple[str, bytes]] = []
    names: list[str] = []
    pieces: list[list[bytes]] = []
    for line in (_LF_LINE if LF in block else _CR_LINE).findall(block):
        if pieces and (line[:1] in {b" ", b"\t"} or not line.strip(b"\r\n")):
            pieces[-1].append(line)
            continue
        field = _FIELD.match(line)
        names.append(field[1].decode("ascii").lower() if field else "")
        pieces.append([line])
    found.extend((name, b"".join(piece)) for name, piece in zip(names, pieces, strict=True))
    return found


def field_names(block: bytes) -> list[str]:
    """Return the names of the fields in their order, lower case."""
    return [name for name, _ in split_fields(block) if name]


def raw_values(block: bytes, name: str, longest: int = VALUE_BYTES) -> list[bytes]:
    """Return the unfolded values of a field as bytes, trimmed, each cut at its longest."""
    wanted = name.lower()
    return [_unfold(raw, longest) for found, raw in split_fields(block) if found == wanted]


def get_all(block: bytes, name: str) -> list[str]:
    """Return the unfolded values of a field: utf-8, else windows-1252; encoded words are left as they are."""
    return [decode_header(value) for value in raw_values(block, name)]


def keep_fields(block: bytes, line_end: bytes = LF) -> bytes:
    """Return the block with only what recipients may see; the blank line at its end stays."""
    last = block.rfind(line_end, 0, -1) + 1
    blank = b"" if block[last:].strip(b"\r\n") else block[last:]
    return b"".join(_kept(split_fields(block[: len(block) - len(blank)]))) + blank


def _kept(fields: Sequence[tuple[str, bytes]]) -> Iterable[bytes]:
    """Choose the fields to keep.

    A line that is no field tells nothing by its name: it stays where it has no colon that somebody might read, and
    where a kept field follows; else it would be read as the beginning of the body.
    """
    for at, (name, raw) in enumerate(fields):
        if name and is_kept(name):
            yield _SMUGGLED.sub(_without_smuggled, raw) if LF in raw else raw
        elif not name and b":" not in raw and at + 1 < len(fields) and is_kept(fields[at + 1][0]):
            yield raw


def _without_smuggled(found: re.Match[bytes]) -> bytes:
    """Some readers end a line at a CR alone: a field that stands behind one must be one of the kept as well."""
    name = found[1].decode("ascii").lower()
    return b"" if _KNOWN.fullmatch(name) and not is_kept(name) else found[0]


def _unfold(raw: bytes, longest: int) -> bytes:
    value = raw.partition(b":")[2]
    return _LINE_ENDS.sub(b"", value).strip()[:longest]


class HeaderFilter:
    """Lets through what a recipient may see of the top header block, and all bytes below it as they are."""

    def __init__(self) -> None:
        self.header = b""
        """The whole top block as it came, once it is complete; cut where it is too long."""
        self.is_complete = False
        self._start = b""
        self._reader: BlockReader | None = None
        self._line_end = LF
        self._seeking = b""
        self._is_dropping = False

    def feed(self, chunk: bytes) -> bytes:
        if self._is_dropping:
            return self._drop(chunk)
        if self.is_complete:
            return chunk
        if self._reader is None:
            self._start += chunk
            line_end = find_line_end(self._start, final=False)
            if line_end is None:
                return b""
            chunk = self._begin(line_end)
        assert self._reader is not None
        return self._finish() if self._reader.feed(chunk) else b""

    def close(self) -> bytes:
        if self.is_complete:
            return b""
        if self._reader is None:
            line_end = find_line_end(self._start, final=True)
            assert line_end is not None
            chunk = self._begin(line_end)
            assert self._reader is not None
            if self._reader.feed(chunk):
                return self._finish()
        assert self._reader is not None
        self._reader.close()
        return self._finish()

    def _begin(self, line_end: bytes) -> bytes:
        self._line_end = line_end
        self._reader = BlockReader(TOP_HEADER_BYTES, line_end)
        start, self._start = self._start, b""
        return start

    def _finish(self) -> bytes:
        assert self._reader is not None
        buffer = bytes(self._reader.buffer)
        end = self._reader.end
        self._reader = None
        self.is_complete = True
        if end is not None:
            self.header = buffer[:end]
            return keep_fields(self.header, self._line_end) + buffer[end:]
        # Too long: nobody knows which fields still come, so all is left out up to the blank line.
        cut = buffer.rfind(self._line_end, 0, TOP_HEADER_BYTES) + 1
        self.header = buffer[:cut]
        self._is_dropping = True
        return keep_fields(self.header, self._line_end) + self._drop(self._line_end + buffer[cut:])

    def _drop(self, chunk: bytes) -> bytes:
        window = self._seeking + chunk
        blank = re.search(self._line_end + rb"\r?" + self._line_end, window)
        if blank is None:
            self._seeking = window[-3:]
            return b""
        self._is_dropping = False
        self._seeking = b""
        return window[blank.start() + 1 :]
