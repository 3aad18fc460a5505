"""What somebody wrote with the editor: made harmless before it is kept, and told in plain words.

Stricter than what mail may show: no style, no picture, no class. It is cleaned again whenever it is shown or sent.
"""

import re
from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser

import nh3

from service.letters.body import LINKS, TAGS
from service.mailbox.html import clean_html

_SPACED = frozenset({"p", "ul", "ol", "blockquote", "pre", "table", "h1", "h2", "h3"})
"""Blocks with an empty line around them."""
_BLOCKS = _SPACED | {"div", "li", "tr"}
_CELLS = frozenset({"td", "th"})
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_QUOTES_SHOWN = 10
_INSET_LONGEST = 40
"""What stands before a line: deeper nesting is told no deeper, or a short page would make words without end."""


def clean_written(html: str) -> str:
    """Return what may be kept of it. To be run in a thread.

    Raises:
        Refused: longer or deeper than can be cleaned in good time.
    """
    return nh3.clean(
        clean_html(html).html,
        tags=set(TAGS),
        attributes={"*": set(), "a": {"href"}},
        url_schemes=set(LINKS),
        url_relative="deny",
        link_rel=None,
    )


def words_of(cleaned: str) -> str:
    """Write it as plain text: lists with their marks, quotes with theirs, links with where they lead."""
    words = _Words()
    words.feed(cleaned)
    words.close()
    return words.text()


def lines_in_one(lines: Sequence[str]) -> str:
    """Write lines as one block, as short as can be."""
    return "<br>".join(escape(line, quote=False) for line in lines)


class _Words(HTMLParser):
    """Reads clean markup only; nesting is bounded by who cleaned it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line = ""
        self._wants_gap = False
        self._pre = self._depth = 0
        self._lists: list[int] = []
        """Open lists: 0 for bullets, else the number of the next item."""
        self._hangs: list[int] = []
        """How wide the marks of their items are."""
        self._mark = ""
        self._before = 0
        """How deep the line before is quoted."""
        self._links: list[tuple[str, int]] = []

    @property
    def _quotes(self) -> int:
        return min(self._depth, _QUOTES_SHOWN)

    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._put_line()
            return
        if tag in _BLOCKS:
            self._end_line()
            self._wants_gap = self._wants_gap or (tag in _SPACED and not self._lists)
        if tag == "li":
            self._begin_item()
        elif tag in {"ul", "ol"}:
            self._lists.append(int(tag == "ol"))
            self._hangs.append(2)
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._line)))
        elif tag in _CELLS and self._line:
            self._line += "\t"
        self._pre += tag == "pre"
        self._depth += tag == "blockquote"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._end_link(*self._links.pop())
        if tag in _BLOCKS:
            self._end_line()
        if tag == "li" and self._mark:
            self._put_line()
        if tag == "blockquote":
            self._depth = max(0, self._depth - 1)
        elif tag == "pre":
            self._pre = max(0, self._pre - 1)
        elif tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
            self._hangs.pop()
        if tag in _SPACED and not self._lists:
            self._wants_gap = True

    def handle_data(self, data: str) -> None:
        if self._pre:
            first, *others = data.split("\n")
            self._line += first
            for other in others:
                self._put_line()
                self._line = other
            return
        data = _BLANKS.sub(" ", data)
        self._line += data.lstrip(" ") if not self._line or self._line[-1] in " \t" else data

    def _begin_item(self) -> None:
        if not self._lists:
            self._lists.append(0)
            self._hangs.append(2)
        number = self._lists[-1]
        self._mark = f"{number}. " if number else "- "
        self._hangs[-1] = len(self._mark)
        self._lists[-1] += bool(number)

    def _end_link(self, url: str, begun: int) -> None:
        said = self._line[begun:].strip()
        bare = url.removeprefix("mailto:")
        if url and said.rstrip("/") not in {url.rstrip("/"), bare.rstrip("/"), bare.partition("://")[2].rstrip("/")}:
            self._line += f" <{bare}>" if said else bare

    def _end_line(self) -> None:
        if self._line.strip(" \t"):
            self._put_line()
        self._line = ""

    def _put_line(self) -> None:
        if self._wants_gap and self._lines and self._lines[-1].strip("> "):
            self._lines.append(("> " * min(self._quotes, self._before)).rstrip())
        self._wants_gap = False
        self._before = self._quotes
        inset = " " * min(sum(self._hangs) - len(self._mark), _INSET_LONGEST)
        line = self._line.replace("\xa0", " ").rstrip(" \t")
        self._lines.append(f"{'> ' * self._quotes}{inset}{self._mark}{line}".rstrip())
        self._line = self._mark = ""
