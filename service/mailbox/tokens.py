"""Foreign HTML written anew, tag by tag, before the sanitizer's own parser sees it.

The parser behind the sanitizer is quadratic in nesting, and a depth counted by a guess can be fooled (end tags in
comments, quotes in names). So the text is read as the HTML standard's tokenizer reads it (html.spec.whatwg.org,
§13.2.5), and only what cannot be misread goes on: known tags, quoted values, no comment, no foreign content, no end
tag without its start. The depth counted here is then an upper bound, up to a small factor, of what the parser builds.
"""

import re
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from service.errors import Refused

DEPTH = 500
"""Elements inside each other; nh3's time grows with the square of the depth (measured: 40,000 deep 2.7 s)."""

_TAG = re.compile(
    r"<(/?)([a-zA-Z][^\s/>]*+)"
    r"((?:[\s/]++|=?[^\s/>=]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+|(?=>)))?+|=)*+)>"
)
_ATTRIBUTE = re.compile(r"(=?[^\s/>=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"'][^\s>]*+)|(?=$)))?+")
_COMMENT_END = re.compile(r"--!?>")
VOID = frozenset({"br", "hr", "img", "wbr", "col", "area"})
_CLOSED_BY_NEXT = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "tbody", "thead", "tfoot", "colgroup", "caption"})
_FOREIGN = frozenset({"svg", "math"})
"""May close themselves, as in XML."""
_NOT_RAW = frozenset({"svg", "math", "object", "select", "option", "template"})
"""Their content is markup like any other."""
_NOT_TEXT = ("\0", "\x0c")


class TooDeep(Refused):
    """The text is nested deeper than any mail program writes it."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a page became."""

    html: str
    styles: tuple[str, ...]
    """Texts of its style elements."""


class _Writer:
    def __init__(
        self, tags: AbstractSet[str], dropped: AbstractSet[str], attributes: Mapping[str, AbstractSet[str]]
    ) -> None:
        self.tags, self.dropped, self.attributes = tags, dropped, attributes
        self.out: list[str] = []
        self.styles: list[str] = []
        self.open: Counter[str] = Counter()
        self.depth = 0
        self.endless: set[str] = set()
        """Elements of which no end tag comes any more: sought once, not at each start."""

    def start(self, name: str, raw: str) -> None:
        if name not in self.tags:
            return
        if name not in VOID:
            self.open[name] += 1
            if name not in _CLOSED_BY_NEXT:
                self.depth += 1
                if self.depth > DEPTH:
                    raise TooDeep
        self.out.append(f"<{name}{self._attributes(name, raw)}>")

    def end(self, name: str) -> None:
        if not self.open[name]:
            return
        self.open[name] -= 1
        if name not in _CLOSED_BY_NEXT:
            self.depth -= 1
        self.out.append(f"</{name}>")

    def text(self, text: str) -> None:
        for char in _NOT_TEXT:
            text = text.replace(char, " ")
        self.out.append(text.replace("<", "&lt;").replace(">", "&gt;"))

    def _attributes(self, tag: str, raw: str) -> str:
        known = self.attributes.get("*", frozenset()) | self.attributes.get(tag, frozenset())
        kept: dict[str, str] = {}
        for found in _ATTRIBUTE.finditer(raw):
            name = found[1].lower()
            if name in known and name not in kept:
                value = next((part for part in found.groups()[1:] if part is not None), "")
                kept[name] = value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;").replace("\0", "")
        return "".join(f' {name}="{value}"' for name, value in kept.items())


def rewrite(
    html: str, tags: AbstractSet[str], dropped: AbstractSet[str], attributes: Mapping[str, AbstractSet[str]]
) -> Rewritten:
    """Write a page anew with `tags` and `attributes` only; elements in `dropped` go with all that they hold.

    Linear in the length. Raises TooDeep.
    """
    writer = _Writer(tags, dropped, attributes)
    lower = html.lower()
    if len(lower) != len(html):  # a few letters grow when lowered
        lower = "".join(char.lower() if char.isascii() else char for char in html)
    at = 0
    while at < len(html):
        opening = html.find("<", at)
        if opening < 0:
            writer.text(html[at:])
            break
        if opening > at:
            writer.text(html[at:opening])
        at = _markup(writer, html, lower, opening)
    return Rewritten("".join(writer.out), tuple(writer.styles))


def _markup(writer: _Writer, html: str, lower: str, at: int) -> int:
    """Take in what begins with `<`; return where it ends."""
    following = html[at + 1 : at + 2]
    if following in {"!", "?"} or (following == "/" and not html[at + 2 : at + 3].isascii()):
        return _comment(html, at)
    if following == "/" and not html[at + 2 : at + 3].isalpha():
        return _comment(html, at)
    if not (following.isascii() and following.isalpha()) and following != "/":
        writer.text("<")
        return at + 1
    found = _TAG.match(html, at)
    if found is None:
        return len(html)  # the standard drops a tag that does not end, with all that it swallowed
    name = found[2].lower()
    if found[1]:
        writer.end(name)
    elif name in _FOREIGN and found[3].endswith("/"):
        return found.end()
    elif name in writer.dropped:
        return _dropped(writer, html, lower, name, found.end())
    else:
        writer.start(name, found[3])
    return found.end()


def _comment(html: str, at: int) -> int:
    if not html.startswith("<!--", at):
        end = html.find(">", at)
        return len(html) if end < 0 else end + 1
    for short in ("<!-->", "<!--->"):
        if html.startswith(short, at):
            return at + len(short)
    end_mark = _COMMENT_END.search(html, at + 4)
    return len(html) if end_mark is None else end_mark.end()


def _dropped(writer: _Writer, html: str, lower: str, name: str, at: int) -> int:
    """Skip an element with its content, up to its first end tag.

    Where none comes, raw text goes on to the end as in a browser; of the others only the tag itself is dropped.
    """
    end = -1 if name in writer.endless else lower.find(f"</{name}", at)
    if end < 0:
        writer.endless.add(name)
        return at if name in _NOT_RAW else len(html)
    if name == "style":
        writer.styles.append(html[at:end])
    close = html.find(">", end)
    return len(html) if close < 0 else close + 1
