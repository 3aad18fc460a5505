"""Plain words out of html, for the line below a subject. Not a sanitiser: what comes out is text, never markup."""

import html
import re

from service.mime.limits import EXCERPT_BYTES, EXCERPT_HTML_BYTES

_SKIPPED = {"style", "script", "title"}
_BREAKS = {"br", "p", "div", "tr", "li", "table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "blockquote", "pre"}
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TAG = re.compile(r"/?([a-z][a-z0-9]{0,20})", re.IGNORECASE)


def strip_html(markup: str) -> str:
    """Return the text of a page, one line for each block; linear in its length."""
    markup = markup[:EXCERPT_HTML_BYTES]
    lower = markup.lower()
    if len(lower) != len(markup):  # a few letters grow when lowered
        lower = markup = lower[:EXCERPT_HTML_BYTES]
    out: list[str] = []
    at = 0
    while at < len(markup):
        tag_start = markup.find("<", at)
        if tag_start < 0:
            out.append(markup[at:].replace("\n", " "))
            break
        out.append(markup[at:tag_start].replace("\n", " "))
        at = _skip(lower, tag_start, out)
    text = html.unescape("".join(out)).replace("\xa0", " ")
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def cut_text(text: str) -> str:
    """Cut a text to what the excerpt and the search need, without controls."""
    text = _CONTROLS.sub(" ", re.sub(r"\r\n?", "\n", text))
    return text.encode("utf-8", "replace")[:EXCERPT_BYTES].decode("utf-8", "ignore")


def _skip(lower: str, start: int, out: list[str]) -> int:
    if lower.startswith("<!--", start):
        end = lower.find("-->", start)
        return len(lower) if end < 0 else end + 3
    name = _TAG.match(lower, start + 1)
    if name is None and not lower.startswith(("<!", "<?"), start):
        out.append("<")
        return start + 1
    end = lower.find(">", start)
    if end < 0:
        return len(lower)
    if name is None:
        return end + 1
    if name[1] in _BREAKS:
        out.append("\n")
    if name[1] in _SKIPPED and lower[start + 1] != "/":
        close = lower.find(f"</{name[1]}", end)
        if close < 0:
            return len(lower)
        end = lower.find(">", close)
        return len(lower) if end < 0 else end + 1
    return end + 1
