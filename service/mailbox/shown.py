"""The text of a message as its reader sees it: body parts in order, cleaned, with the mail's own pictures."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from service.core.sheet import Part, Role, Sheet
from service.errors import Refused
from service.mailbox.html import HTML_LONGEST, PICTURES_BYTES, Cleaned, clean_html
from service.mailbox.links import Links
from service.mailbox.opening import Content
from service.mailbox.plain import plain_to_html
from service.mime.excerpt import strip_html
from service.mime.limits import EXCERPT_HTML_BYTES, TEXT_BYTES
from service.mime.roles import view

SHOWN_BYTES = 4 * TEXT_BYTES
"""All texts of one page; what is longer is read by download."""
LINES_MOST = 200
"""Counted of a text: the frame's height does not grow any more."""
LINE_CHARACTERS = 75
PICTURE_LINES = 8
_THREADS = ThreadPoolExecutor(2, "text")
"""One hostile text takes two seconds at most; a dozen of them at once must not take the machine."""
P = ParamSpec("P")
T = TypeVar("T")
_REMOTE = re.compile(r"\bsrc\s{0,9}=\s{0,9}[\"']?\s{0,9}https?:", re.IGNORECASE)
"""May find more than there is, never less: the page then offers pictures that do not come."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Harmless markup for the frame."""

    html: str
    style: str = ""
    remote_pictures: int = 0
    is_coloured: bool = False
    is_simplified: bool = False
    """A page that was too long or too deep is shown as text only."""
    is_cut: bool = False
    """A text is longer than what is shown."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What the page around the frame must know beforehand."""

    lines: int
    """About as many as the text takes on a wide screen."""
    has_remote_pictures: bool
    is_cut: bool


async def show_body(
    content: Content, sheet: Sheet, *, shows_remote: bool = False, plain: bool = False, links: Links | None = None
) -> Shown:
    """Read and clean the text of a message, its links numbered where `links` is given. Raises Broken."""
    pictures = {} if plain else await _read_pictures(content, sheet.parts)
    return await _show(content, sheet, pictures, shows_remote=shows_remote, plain=plain, links=links)


async def find_link(content: Content, sheet: Sheet, number: int, *, plain: bool) -> str | None:
    """Return the n-th link that a text of the message shows, as its sender wrote it. Raises Broken."""
    links = Links(str)
    await _show(content, sheet, {}, shows_remote=False, plain=plain, links=links)
    return links.get(number)


async def _show(
    content: Content,
    sheet: Sheet,
    pictures: Mapping[str, bytes],
    *,
    shows_remote: bool,
    plain: bool,
    links: Links | None,
) -> Shown:
    shown: list[Cleaned] = []
    is_simplified = is_cut = False
    left, markup = SHOWN_BYTES, HTML_LONGEST
    for part in view(sheet.parts, plain=plain):
        text = await content.read_text(part, min(TEXT_BYTES, left))
        is_cut = is_cut or part.size > min(TEXT_BYTES, left)
        left = max(0, left - part.size)
        is_html = part.type == "text/html"
        if is_html and not plain:
            markup -= len(text)
            cleaned = await _clean(text, pictures, shows_remote=shows_remote, links=links) if markup >= 0 else None
            if cleaned:
                shown.append(cleaned)
                continue
            markup += len(text)
            is_simplified = True
        if is_html:
            is_cut = is_cut or len(text) > EXCERPT_HTML_BYTES
            text = await in_thread(strip_html, text)
        shown.append(Cleaned(await in_thread(plain_to_html, text, links), "", 0, is_coloured=False))
    return Shown(
        '<hr class="sm-next">'.join(one.html for one in shown),
        "\n".join(one.style for one in shown if one.style),
        sum(one.remote_pictures for one in shown),
        any(one.is_coloured for one in shown),
        is_simplified,
        is_cut,
    )


async def preview_body(content: Content, sheet: Sheet) -> Preview:
    """Look at the text without cleaning it: how long it is, and whether it wants pictures from other sites."""
    lines, remote, is_cut = 0, False, False
    for part in view(sheet.parts):
        text = await content.read_text(part)
        is_html = part.type == "text/html"
        if lines <= LINES_MOST:
            words = await in_thread(strip_html, text) if is_html else text
            lines += sum(1 + len(line) // LINE_CHARACTERS for line in words.split("\n")) * (3 if is_html else 2) // 2
        lines += PICTURE_LINES * sum(part.role is Role.INLINE for part in sheet.parts)
        remote = remote or (is_html and _REMOTE.search(text) is not None)
        is_cut = is_cut or part.size > (HTML_LONGEST if is_html else TEXT_BYTES)
    return Preview(lines, remote, is_cut)


async def read_plain(content: Content, sheet: Sheet, longest: int) -> str:
    """Read the text as plain words: what a reply quotes."""
    texts: list[str] = []
    for part in view(sheet.parts, plain=True):
        text = await content.read_text(part, longest * 4)
        if part.type == "text/html":
            text = await in_thread(strip_html, text)
        texts.append(text.replace("\r\n", "\n").replace("\r", "\n"))
    return "\n".join(texts)[:longest]


async def _clean(
    text: str, pictures: Mapping[str, bytes], *, shows_remote: bool, links: Links | None
) -> Cleaned | None:
    """Clean a page; None where that would take too long."""
    try:
        return await in_thread(partial(clean_html, pictures=pictures, shows_remote=shows_remote, links=links), text)
    except Refused:
        return None


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do what may take seconds beside the loop, in the few threads that are for it: the others stay free."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(work, *args, **kwargs))


async def _read_pictures(content: Content, parts: Sequence[Part]) -> dict[str, bytes]:
    """Read the pictures that the text refers to, as far as they fit; the others stay in the list of files."""
    pictures: dict[str, bytes] = {}
    left = PICTURES_BYTES
    for part in parts:
        if part.role is Role.INLINE and part.cid and part.cid not in pictures and part.size <= left:
            pictures[part.cid] = await content.read_part(part, part.size or 1)
            left -= part.size
    return pictures
