"""The sanitizer: foreign HTML in, harmless HTML out. No SVG, no MathML, no raw-text tag.

It runs at each reading, so that a better one heals old mail. It is the first net; the frame's CSP and sandbox are the
second. Nothing here loads anything: pictures of the mail itself come in as bytes, all else is counted or dropped.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import nh3

from service.errors import Refused
from service.mailbox.css import clean_declarations, clean_sheet
from service.mailbox.links import Links, host_of
from service.mailbox.tokens import rewrite
from service.mime.roles import picture_type

HTML_LONGEST = 2_097_152
"""Characters; above it nh3's time grows with the square of runs of entities (measured: 2 MB 1.3 s, 5 MB 12.6 s)."""
PICTURES_BYTES = 5_242_880
"""Of all `data:` pictures written into one page."""
PICTURE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
SCHEMES = frozenset({"http", "https", "mailto", "tel", "cid"})
TAGS = frozenset(
    """a abbr acronym article aside b bdi bdo blockquote br caption center cite code col colgroup data dd del dfn div dl
    dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li mark nav ol p pre q rp rt
    rtc ruby s samp small span strike strong sub sup table tbody td tfoot th thead time tr tt u ul var
    wbr""".split()  # noqa: SIM905 - read as words
)
"""nh3's own set, with font and tfoot, without map, area, details and summary."""
DROPPED = frozenset(
    """script style title noscript noembed noframes template textarea select option xmp plaintext iframe object svg
    math""".split()  # noqa: SIM905 - read as words
)
"""Gone with all that they hold."""
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "*": frozenset(
        """style dir lang align valign width height bgcolor color border cellpadding cellspacing title""".split()  # noqa: SIM905 - read as words
    ),
    "a": frozenset({"href"}),
    "img": frozenset({"src", "alt"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan"}),
    "font": frozenset({"face", "size", "color"}),
    "ol": frozenset({"start", "type"}),
}
_REL = "noopener noreferrer nofollow"
_CLASS = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_WORD = re.compile(r"[#A-Za-z0-9%.,+ _-]{0,100}")
"""What presentational attributes hold: sizes, colours, directions, languages, faces."""
_TEXTS = frozenset({"title", "alt"})
_LINK = re.compile(r'<a ((?:[^<>"]|"[^"]*")*)>(.*?)</a>', re.DOTALL)
_HREF = re.compile(r'(?:^| )href="([^"]*)"')
_MARKUP = re.compile(r"<[^<>]*>")
_HOST = re.compile(r"(?:[a-z]{2,10}://)?(?:www\.)?((?:[a-z0-9-]{1,63}\.)+[a-z]{2,24})(?=[/:?#\s]|$)", re.IGNORECASE)


class TooLong(Refused):
    """The text is longer than what can be cleaned in good time."""


@dataclass(slots=True)
class Cleaned:
    """A page made harmless."""

    html: str
    style: str
    """Rules of its style elements, to stand in the frame's head."""
    remote_pictures: int
    """Pictures from other sites, shown or not."""
    is_coloured: bool
    """It sets colours of its own and wants white paper."""


@dataclass(slots=True)
class _Filter:
    pictures: Mapping[str, bytes]
    shows_remote: bool
    allows_class: bool
    links: Links | None = None
    remote: int = 0
    room: int = PICTURES_BYTES
    is_coloured: bool = False
    styles: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def __call__(self, tag: str, name: str, value: str) -> str | None:
        if name == "style":
            return self._style(value)
        if tag == "a" and name == "href":
            return self._link(value)
        if name == "src":
            return self._picture(value) if tag == "img" else None
        if name == "class":
            return self._classes(value)
        if name in _TEXTS:
            return value[:1000]
        if name in {"bgcolor", "color"}:
            self.is_coloured = True
        return value if _WORD.fullmatch(value) else None

    def _link(self, value: str) -> str | None:
        kept = _clean_link(value)
        if kept is None or self.links is None:
            return kept
        return self.links.add_marked(value.strip())

    def _style(self, value: str) -> str | None:
        if value not in self.styles:
            self.styles[value] = clean_declarations(value)
        kept, coloured = self.styles[value]
        self.is_coloured = self.is_coloured or coloured
        return kept or None

    def _classes(self, value: str) -> str | None:
        names = [name for name in value[:1000].split() if _CLASS.fullmatch(name) and not name.lower().startswith("sm-")]
        return " ".join(names) if names and self.allows_class else None

    def _picture(self, value: str) -> str | None:
        scheme, _, rest = value.strip().partition(":")
        if scheme.lower() == "cid":
            return self._own_picture(rest)
        if scheme.lower() in {"http", "https"}:
            self.remote += 1
            return value.strip() if self.shows_remote and scheme.lower() == "https" else None
        return None

    def _own_picture(self, cid: str) -> str | None:
        content = find_picture(self.pictures, cid)
        if content is None or len(content) > self.room:
            return None
        kind = picture_type(content[:16])
        if kind not in PICTURE_TYPES:
            return None
        self.room -= len(content)
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def clean_html(
    html: str,
    *,
    pictures: Mapping[str, bytes] | None = None,
    shows_remote: bool = False,
    links: Links | None = None,
) -> Cleaned:
    """Make a foreign page harmless. To be run in a thread: up to a second for the longest.

    `pictures` are the mail's own by Content-ID, without brackets. With `links` each link is numbered and written so.

    Raises:
        Refused: longer or deeper than can be cleaned in good time; show it as plain text.
    """
    if len(html) > HTML_LONGEST:
        raise TooLong
    rewritten = rewrite(html, TAGS, DROPPED, {**ATTRIBUTES, "*": ATTRIBUTES["*"] | {"class"}})
    try:
        style, coloured = clean_sheet("\n".join(rewritten.styles))
    except RecursionError:
        style, coloured = "", False
    shown = _Filter(pictures or {}, shows_remote, allows_class=bool(style), links=links, is_coloured=coloured)
    everywhere = ATTRIBUTES["*"] | ({"class"} if style else frozenset())
    cleaned = nh3.clean(
        rewritten.html,
        tags=set(TAGS),
        clean_content_tags=set(DROPPED),
        attributes={tag: set(names) for tag, names in {**ATTRIBUTES, "*": everywhere}.items()},
        attribute_filter=shown,
        strip_comments=True,
        link_rel=_REL,
        set_tag_attribute_values={"a": {"target": "_blank"}},
        url_schemes=set(SCHEMES),
        url_relative="deny",
    )
    named = _LINK.sub(lambda found: _name_host(found, links), cleaned)
    if links is not None:
        named = links.put(named)
    return Cleaned(named, style.replace("<", ""), shown.remote, shown.is_coloured)


def find_picture(pictures: Mapping[str, bytes], reference: str) -> bytes | None:
    """Find a picture by what follows `cid:`: as it stands, then without regard to letter case."""
    wanted = unquote(reference).strip().strip("<>").strip()
    if wanted in pictures:
        return pictures[wanted]
    return next((content for cid, content in pictures.items() if cid.casefold() == wanted.casefold()), None)


def _clean_link(value: str) -> str | None:
    """Return a link that may stand: web, mail or telephone, without a user name before the host."""
    value = value.strip()
    scheme = value.partition(":")[0]
    if scheme.lower() in {"mailto", "tel"}:
        return value
    if scheme.lower() not in {"http", "https"}:
        return None
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        return None
    if not host:
        return None
    if "@" in parts.netloc:
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        return parts.geturl()
    return value


def _name_host(found: re.Match[str], links: Links | None) -> str:
    """Write the true host behind a link whose words look like another host."""
    href = _HREF.search(found[1])
    words = _HOST.match(_MARKUP.sub("", found[2]).strip().lower())
    if href is None or words is None:
        return found[0]
    url = href[1].replace("&amp;", "&")
    host = host_of((links.marked(url) if links else None) or url)
    said = words[1].removeprefix("www.")
    if not host or host.removeprefix("www.") == said or host.endswith("." + said):
        return found[0]
    named = f" [{_escape(host)}]"
    return found[0] if found.string.startswith(named, found.end()) else found[0] + named


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
