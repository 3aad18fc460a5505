"""Mails in one file: mbox as RFC 4155 has it, quoted so that nothing is lost ("mboxrd").

From alice@ct.gov Tue Nov 24 15:00:00 2026 LF
the mail, its lines ended by LF, each line that begins with any number of `>` and `From ` having one more `>` LF
LF
"""

import re
from datetime import UTC, datetime

from service.core.addresses import form_of

_FROM = b"From "
_QUOTED = re.compile(rb"(\n>*)From ")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOBODY = "MAILER-DAEMON"
"""Stands where a sender's address cannot be written."""


def from_line(sender: str, at: datetime) -> bytes:
    """Write the line that begins a mail: its sender, and the time in UTC as C writes it (RFC 4155 appendix A)."""
    when = at.astimezone(UTC)
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    return f"From {form_of(sender) or NOBODY} {day} {month} {when.day:2} {when:%H:%M:%S} {when.year}\n".encode("ascii")


class MboxMail:
    """Quote one mail, piece by piece; at most six bytes are held back."""

    def __init__(self) -> None:
        self._carriage = self._held = b""
        self._is_open = True
        """What comes next stands behind nothing but `>` in its line."""
        self._ends_line = True

    def feed(self, piece: bytes) -> bytes:
        piece = self._carriage + piece
        self._carriage = b"\r" if piece.endswith(b"\r") else b""
        return self._quote(piece[: len(piece) - len(self._carriage)].replace(b"\r\n", b"\n"))

    def close(self) -> bytes:
        """Return what is left, the end of the last line, and the empty line behind the mail."""
        rest = self._held + self._carriage
        return rest + (b"\n" if self._ends_line and not rest else b"\n\n")

    def _quote(self, piece: bytes) -> bytes:
        data, begins_line = self._held + piece, self._is_open
        line = data[data.rfind(b"\n") + 1 :]
        rest = line.lstrip(b">")
        self._is_open = (begins_line or len(line) < len(data)) and _FROM.startswith(rest) and rest != _FROM
        self._held = rest if self._is_open else b""
        data = data[: len(data) - len(self._held)]
        if data:
            self._ends_line = data.endswith(b"\n")
        return _QUOTED.sub(rb"\1>From ", b"\n" + data)[1:] if begins_line else _QUOTED.sub(rb"\1>From ", data)
