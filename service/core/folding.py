"""Texts compared without regard to letter case, accents and how a character was typed; and what was found, marked."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

QUERY_CHARACTERS = 200
QUERY_WORDS = 12
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "\u0131": "i", "æ": "ae", "œ": "oe"}
    | dict.fromkeys("\u2018\u2019\u201a\u02bc", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014", "-")
)
"""Letters that have no decomposition, and quotes and dashes that nobody types."""
_DROPPED = re.compile(
    "[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u200b-\u200f\u202a-\u202e\u2060-\u2064\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]+"
)
"""Accents, soft hyphens and what cannot be seen."""
_WORD = re.compile(r'"([^"]+)"?|([^\s"]+)')
Pieces = tuple[tuple[str, bool], ...]
"""A text cut up, and of each piece whether it was asked for."""


def fold(text: str) -> str:
    """Return what is compared: José and JOSE, Straße and strasse become one."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text.casefold()).casefold()
    return _DROPPED.sub("", text).translate(_PLAIN)


def fold_text(text: str) -> str:
    """Return the same of a longer text, its blanks and line breaks made one."""
    return " ".join(fold(text).split())


def split_words(query: str) -> tuple[str, ...]:
    """Return the folded words of a query; what stands in quotes is one."""
    found = (" ".join((one[1] or one[2]).split()) for one in _WORD.finditer(fold(query[:QUERY_CHARACTERS])))
    return tuple(dict.fromkeys(word for word in found if word))[:QUERY_WORDS]


def lacking(words: Iterable[str], folded: str) -> tuple[str, ...]:
    """Return the words that a folded text does not hold."""
    return tuple(word for word in words if word not in folded)


def mark(text: str, words: Sequence[str]) -> Pieces:
    """Cut a short text into pieces, those marked that a folded word stands for; an accent stays with its letter."""
    folds = [fold(char) for char in text]
    folded = "".join(folds)
    starts = [at for at, one in enumerate(folds) for _ in one]
    hit = bytearray(len(text))
    for word in words:
        at = folded.find(word)
        while at >= 0:
            first, last = starts[at], starts[at + len(word) - 1]
            hit[first : last + 1] = b"\1" * (last + 1 - first)
            at = folded.find(word, at + len(word))
    pieces: list[tuple[str, bool]] = []
    begin = 0
    for at in range(1, len(text) + 1):
        if at < len(text) and not folds[at]:
            hit[at] = hit[at - 1]
        if at == len(text) or hit[at] != hit[at - 1]:
            pieces.append((text[begin:at], bool(hit[begin])))
            begin = at
    return tuple(pieces)


def cut_around(text: str, words: Sequence[str], longest: int) -> str:
    """Return the place of a long text where the first of some words stands; empty where none does."""
    step = longest // 2
    for at in range(0, len(text), step):
        piece = " ".join(text[at : at + longest].split())
        if not lacking(words[:1], fold(piece)):
            return f"…{piece}" if at else piece
    return ""


def lead_in(pieces: Pieces, before: int) -> Pieces:
    """Leave out what stands so far before the first mark that a narrow line would not show it."""
    first = next((number for number, (_, is_hit) in enumerate(pieces) if is_hit), 0)
    if first != 1 or len(pieces[0][0]) <= 2 * before:  # only what is not marked stands before the first mark
        return pieces
    kept = pieces[0][0][-before:]
    return ((f"…{kept.partition(' ')[2] or kept}", False), *pieces[1:])
