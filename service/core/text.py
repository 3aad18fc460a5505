"""Foreign text made safe for one line: headers, lists, names. Never raises."""

import re
import unicodedata

_DROPPED = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
LINE_CHARACTERS = 1000


def one_line(text: str, longest: int = LINE_CHARACTERS) -> str:
    """Return NFC text without controls, bidi marks, zero-width characters and surrogates, blanks collapsed, cut."""
    kept = "".join(
        " " if char in "\r\n\t" else char
        for char in unicodedata.normalize("NFC", text)
        if char in "\r\n\t" or unicodedata.category(char) not in _DROPPED
    )
    return re.sub(r"\s+", " ", kept).strip()[:longest].rstrip()


def header_text(text: str, longest: int = 200) -> str:
    """Make a foreign string fit for a header of ours: one line, no encoded word left for a reader to decode."""
    return one_line(text, longest).replace("=?", "= ?")


def scrubbed_lines(text: str) -> str:
    """Return NFC text of several lines without controls, bidi marks and surrogates; no blanks at the end of a line."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").split("\n")
    kept = ("".join(char for char in line if unicodedata.category(char) not in _DROPPED).rstrip() for line in lines)
    return "\n".join(kept)
