"""Transfer encodings undone chunk by chunk: where a chunk ends changes nothing. Never raises."""

import binascii
import re
from typing import Protocol

from service.mime.limits import BASE64_RESTARTS, UU_BEGIN_SOUGHT_BYTES
from service.mime.notes import Note

IDENTITY = "identity"
BASE64 = "base64"
QUOTED_PRINTABLE = "quoted-printable"
UUENCODE = "x-uuencode"

_LINE_LONGEST = 1000  # RFC 5322 §2.1.1 says 998; only for lines on which a decision hangs
_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BLANKS = b" \t\r\n\v\f"
_PURE_LINE = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_PADS_OR_NOT = re.compile(rb"(?P<pads>=+)|[^=]+")
_CR_ALONE = re.compile(rb"(?<!=)((?:==)*)=\r(?!\n)")


class Decoder(Protocol):
    """Bytes as they travel in, bytes as they were out."""

    notes: list[str]

    def feed(self, data: bytes) -> bytes: ...

    def close(self) -> bytes: ...


def decoder(encoding: str) -> Decoder:
    """Return a fresh decoder; an unknown encoding is taken as none."""
    kinds: dict[str, type[Decoder]] = {BASE64: _Base64, QUOTED_PRINTABLE: _QuotedPrintable, UUENCODE: _Uuencode}
    return kinds.get(encoding, _Identity)()


class _Identity:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def feed(self, data: bytes) -> bytes:
        return data

    def close(self) -> bytes:
        return b""


class _QuotedPrintable:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        cut = len(data)
        last = data.rfind(b"=", max(0, cut - 2))
        if last >= 0:
            run = last + 1 - len(data[: last + 1].rstrip(b"="))
            if run % 2:  # "==" is one token, so only an odd "=" waits for what follows
                cut = last
        self._held = data[cut:]
        return self._decode(data[:cut])

    def close(self) -> bytes:
        rest, self._held = self._held, b""
        return self._decode(rest)

    def _decode(self, data: bytes) -> bytes:
        if b"=\r" in data and _CR_ALONE.search(data):
            # binascii would drop everything up to the next LF.
            data = _CR_ALONE.sub(rb"\1=\r\n", data)
            _add(self.notes, Note.DAMAGED_QUOTED_PRINTABLE)
        return binascii.a2b_qp(data)


class _Base64:
    """Junk is left out; after padding only whole lines of pure base64 are taken, and not for ever."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._quad = b""  # digits, then perhaps one "="
        self._padded = False
        self._line = b""
        self._restarts = 0
        self._strays = 0
        self._stopped = False

    def feed(self, data: bytes) -> bytes:
        if self._stopped:
            return b""
        if self._padded:
            return self._after_padding(data)
        out = []
        end = 0
        for found in _PADS_OR_NOT.finditer(data):
            if self._padded:
                break
            end = found.end()
            if not found["pads"] or self._strays > BASE64_RESTARTS:
                out.append(self._digits(found[0].replace(b"=", b"")))
                continue
            needed = self._pads_needed()
            if needed == 0:
                self._strays += end - found.start()
                _add(self.notes, Note.DAMAGED_BASE64)
                continue
            out.append(self._pad(min(needed, end - found.start())))
            end = min(end, found.start() + needed) if self._padded else end
        if self._padded:
            out.append(self._after_padding(data[end:]))
        return b"".join(out)

    def close(self) -> bytes:
        if self._padded:
            return b"" if self._stopped else self._take_line(self._line)
        digits = self._quad.rstrip(b"=")
        self._quad = b""
        if not digits:
            return b""
        _add(self.notes, Note.DAMAGED_BASE64)
        return binascii.a2b_base64(digits + b"=" * (4 - len(digits))) if len(digits) > 1 else b""

    def _digits(self, data: bytes) -> bytes:
        data = data.translate(None, _BLANKS)
        if not data:
            return b""
        junk = data.translate(None, _DIGITS)
        if junk:
            _add(self.notes, Note.DAMAGED_BASE64)
            data = data.translate(None, junk)
            if not data:
                return b""
        if self._quad.endswith(b"="):
            _add(self.notes, Note.DAMAGED_BASE64)
        data = self._quad.rstrip(b"=") + data
        cut = len(data) - len(data) % 4
        self._quad = data[cut:]
        return binascii.a2b_base64(data[:cut])

    def _pads_needed(self) -> int:
        return 4 - len(self._quad) if len(self._quad) >= 2 else 0

    def _pad(self, count: int) -> bytes:
        self._quad += b"=" * count
        if len(self._quad) < 4:
            return b""
        quad, self._quad, self._padded = self._quad, b"", True
        return binascii.a2b_base64(quad)

    def _after_padding(self, data: bytes) -> bytes:
        out = []
        start = 0
        while not self._stopped:
            end = data.find(b"\n", start)
            if end < 0:
                line = (self._line + data[start:]).lstrip(_BLANKS)
                text = line.rstrip(_BLANKS)
                self._line = text + b" " if len(text) < len(line) else text
                if len(text) > _LINE_LONGEST:
                    self._stop()
                break
            line = self._line + data[start:end]
            self._line = b""
            start = end + 1
            out.append(self._take_line(line))
        return b"".join(out)

    def _take_line(self, line: bytes) -> bytes:
        line = line.strip(_BLANKS)
        if not line:
            return b""
        if len(line) > _LINE_LONGEST or not _PURE_LINE.fullmatch(line) or self._restarts >= BASE64_RESTARTS:
            self._stop()
            return b""
        self._restarts += line.endswith(b"=")
        _add(self.notes, Note.DAMAGED_BASE64)
        return binascii.a2b_base64(line)

    def _stop(self) -> None:
        self._stopped = True
        self._line = b""
        _add(self.notes, Note.TEXT_AFTER_BASE64)


class _Uuencode:
    """Lines between `begin` and `end`; without a `begin` the bytes pass as they are."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._held = b""
        self._seen = 0
        self._state = "before"

    def feed(self, data: bytes) -> bytes:
        if self._state == "raw":
            return data
        if self._state == "ended":
            return b""
        out = []
        self._held += data
        if self._state == "before":
            out.append(self._find_begin(final=False))
        if self._state == "inside":
            out.append(self._lines(final=False))
        return b"".join(out)

    def close(self) -> bytes:
        out = []
        if self._state == "before":
            out.append(self._find_begin(final=True))
        if self._state == "inside":
            out.append(self._lines(final=True))
        if self._state == "inside":
            _add(self.notes, Note.DAMAGED_UUENCODE)
        return b"".join(out)

    def _find_begin(self, *, final: bool) -> bytes:
        window = self._held[:UU_BEGIN_SOUGHT_BYTES]
        found = re.search(rb"(?m)^begin [0-7]{1,6} [^\n]*\n", window)
        if found:
            self._held = self._held[found.end() :]
            self._state = "inside"
        elif final or len(self._held) >= UU_BEGIN_SOUGHT_BYTES:
            _add(self.notes, Note.DAMAGED_UUENCODE)
            self._state = "raw"
            raw, self._held = self._held, b""
            return raw
        return b""

    def _lines(self, *, final: bool) -> bytes:
        out = []
        *lines, self._held = self._held.split(b"\n")
        if final:
            lines.append(self._held)
            self._held = b""
        elif len(self._held) > _LINE_LONGEST:  # only the first 62 characters of a line mean anything
            self._held = self._held[:_LINE_LONGEST]
        for line in lines:
            if line.strip(_BLANKS) == b"end":
                self._state = "ended"
                self._held = b""
                break
            out.append(self._line(line))
        return b"".join(out)

    def _line(self, line: bytes) -> bytes:
        line = line[:_LINE_LONGEST].rstrip(b"\r")
        if not line.strip():
            return b""
        try:
            return binascii.a2b_uu(line)
        except binascii.Error:
            length = (((line[0] - 32) & 63) * 4 + 5) // 3  # some encoders leave junk behind the last group
        try:
            return binascii.a2b_uu(line[:length])
        except binascii.Error:
            _add(self.notes, Note.DAMAGED_UUENCODE)
            return b""


def _add(notes: list[str], note: Note) -> None:
    if note not in notes:
        notes.append(note)
