"""Addresses in a header, read in one pass: a flaw in one of them never hides the others.

Words are decoded only after splitting and only in names, so that no encoded comma or bracket makes an address.
"""

import re

from service.core.sheet import Person
from service.core.text import one_line
from service.mime.charsets import decode_header
from service.mime.limits import ADDRESSES, TOP_HEADER_BYTES
from service.mime.words import decode_words

NAME_CHARACTERS = 80
ADDRESS_CHARACTERS = 998  # RFC 5322 §2.1.1: the longest line
_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*"?)
    |(?P<word>=\?[^?\s]{0,75}\?[bBqQ]\?[^?\s]*\?=)
    |(?P<open>\()
    |(?P<angle><)
    |(?P<special>[,;:])
    |(?P<text>\[mailto:[^\]\s]*\]|(?:[^"(<,;:=\[]|=(?!\?)|\[(?!mailto:))+|[=\[])""",
    re.DOTALL | re.VERBOSE | re.IGNORECASE,
)
_COMMENT_END = re.compile(r"\\.|[()]", re.DOTALL)
_ANGLE_END = re.compile(r"[<>]")
_ROUTE = re.compile(r"@[^:]{1,500}:")
_MAILTO = re.compile(r"\[mailto:([^\]\s]+)\]", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class _Item:
    """What stands between two commas."""

    def __init__(self) -> None:
        self.words: list[tuple[str, str]] = []  # text, and which token it was: text, quoted, word
        self.comments: list[str] = []
        self.angles: list[str] = []

    @property
    def is_empty(self) -> bool:
        return not self.angles and not any(text.strip() for text, _ in self.words)

    @property
    def has_address(self) -> bool:
        return bool(self.angles) or any("@" in text for text, kind in self.words if kind == "text")


def read_addresses(value: bytes | str) -> list[Person]:
    """Read the people in an unfolded value; whoever has no readable address keeps what was written as the address."""
    text = (decode_header(value) if isinstance(value, bytes) else value)[:TOP_HEADER_BYTES]
    found: list[Person] = []
    pending: list[str] = []
    for item in _split(text):
        if len(found) >= ADDRESSES:
            break
        if item.is_empty and not item.comments:
            continue
        if item.has_address:
            found.append(_person(item, pending))
            pending = []
        else:
            pending.append(_plain(item))
    found.extend(Person("", address) for piece in pending if (address := _clean(piece, ADDRESS_CHARACTERS)))
    return found[:ADDRESSES]


def _split(text: str) -> list[_Item]:
    items = [_Item()]
    at = 0
    while at < len(text) and len(items) <= 2 * ADDRESSES:
        token = _TOKEN.match(text, at)
        if token is None:
            break
        at = token.end()
        item = items[-1]
        if token["quoted"] is not None:
            item.words.append((_ESCAPED.sub(r"\1", token["quoted"][1:].removesuffix('"')), "quoted"))
        elif token["word"]:
            item.words.append((token["word"], "word"))
        elif token["open"]:
            comment, at = _read_comment(text, at)
            item.comments.append(comment)
        elif token["angle"]:
            address, at = _read_angle(text, at)
            item.angles.append(address)
        elif token["special"] == ":" and not item.angles:
            _end_group_name(items)
        elif token["special"]:
            items.append(_Item())
        else:
            item.words.append((token["text"], "text"))
    return items


def _end_group_name(items: list[_Item]) -> None:
    """`name:` begins a group; what stands before the colon is nobody, unless it looks like part of an address."""
    item = items[-1]
    if item.has_address:
        item.words.append((":", "text"))
    else:
        items[-1] = _Item()


def _read_comment(text: str, at: int) -> tuple[str, int]:
    start, depth = at, 1
    for found in _COMMENT_END.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return text[start : found.start()], found.end()
    return text[start:], len(text)


def _read_angle(text: str, at: int) -> tuple[str, int]:
    """Read up to `>`; of `<<a@b>>` the inner one, of an open `<` up to the end of the item."""
    start = at
    for found in _ANGLE_END.finditer(text, at):
        if found[0] == "<":
            start = found.end()
            continue
        end = found.end()
        while text.startswith(">", end):
            end += 1
        return text[start : found.start()], end
    end = min((cut for mark in ",;" if (cut := text.find(mark, start)) >= 0), default=len(text))
    return text[start:end], end


def _person(item: _Item, before: list[str]) -> Person:
    if item.angles:
        address = item.angles[-1].strip()
        if (route := _ROUTE.match(address)) and "@" in address[route.end() :]:
            address = address[route.end() :]
        name = _decoded(_plain(item))
    else:
        address, name = _bare(item)
    if not name and item.comments:
        name = _decoded(item.comments[-1])
    return Person(
        name=_clean(", ".join([*map(_decoded, before), *([name] if name else [])]), NAME_CHARACTERS),
        address=_clean(address.removeprefix("mailto:"), ADDRESS_CHARACTERS),
    )


def _bare(item: _Item) -> tuple[str, str]:
    """Take the last run of characters with an `@`; the rest is the name."""
    text = "".join(_requoted(word) if kind == "quoted" else word for word, kind in item.words)
    if found := _MAILTO.search(text):
        return found[1], _decoded(text[: found.start()])
    if '"' not in text:
        pieces = text.split()
        at = max(at for at, piece in enumerate(pieces) if "@" in piece)
        if pieces[at] == "@" or (len(pieces) == 3 and pieces[1] == "@"):
            return "".join(pieces), ""
        return pieces[at], _decoded(" ".join(pieces[:at] + pieces[at + 1 :]))
    head, mark, tail = text.rpartition('"')
    domain = tail.split(maxsplit=1)
    start = head.rfind('"')
    if domain and tail.startswith("@"):
        return head[max(start, 0) :] + mark + domain[0], _decoded(head[: max(start, 0)])
    pieces = tail.split() if "@" in tail else text.split()
    at = max((at for at, piece in enumerate(pieces) if "@" in piece), default=0)
    rest = (head + mark if "@" in tail else "") + " ".join(pieces[:at] + pieces[at + 1 :])
    return pieces[at] if pieces else "", _decoded(rest.replace('"', ""))


def _requoted(word: str) -> str:
    return '"' + word.replace('"', "") + '"'


def _plain(item: _Item) -> str:
    out: list[str] = []
    for text, kind in item.words:
        if kind != "text":
            out.append(text)
        else:
            out.append(" ".join(["", *text.split(), ""]) if text.strip() else " ")
    return " ".join("".join(out).split())


def _decoded(text: str) -> str:
    return one_line(decode_words(text) if "=?" in text else text)


def _clean(text: str, longest: int) -> str:
    return one_line(text, longest)
