"""Where a mail's links lead: numbered while the text is cleaned, and read as a browser reads them before one leaves.

A link in the frame names our own page by number; that page shows the whole address. What a browser might understand
otherwise than we do is never made a link.
"""

import ipaddress
import re
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote, unquote

import idna

from service.core.text import one_line

URL_LONGEST = 8192
"""Characters; more than any honest link, and as much as browsers and servers take without fail."""
MAILTO_MOST = 10
_DROPPED_BY_BROWSERS = re.compile(r"[\t\r\n]")  # url.spec.whatwg.org, "remove all ASCII tab or newline"
_WEB = re.compile(r"(https?):[/\\]*([^/\\?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PORT = re.compile(r"(.*?)(?::([0-9]{0,5}))?", re.DOTALL)
_NUMBERED = re.compile(r"(\[[^\]]*\])(?::([0-9]{0,5}))?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ASCII_LOWEST = 0x20
_PORT_HIGHEST = 65535
_AS_IT_STANDS = "!#$%&'()*+,/:;=?@[]~|{}^"


class Kind(StrEnum):
    """What a link is for."""

    WEB = "web"
    MAIL = "mail"
    TELEPHONE = "telephone"
    ODD = "odd"
    """Nobody can say for sure where it leads: it is shown, never followed."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link leads, in pieces to show."""

    kind: Kind
    text: str
    """As the sender wrote it, on one line."""
    scheme: str = ""
    host: str = ""
    """As a browser asks for it: `xn--…` where it is not in plain letters."""
    rest: str = ""
    """Port, path and all behind it."""
    letters: str = ""
    """The host in its own letters, where these are not plain ones."""
    user: str = ""
    """What stands before an `@` and may look like a host; not part of the link that is followed."""
    is_number: bool = False
    """The host is a number, not a name."""
    addresses: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.rest}" if self.kind is Kind.WEB else ""


@dataclass(slots=True)
class Links:
    """Collects the links of one text; `write` says what stands in the page in place of the n-th."""

    write: Callable[[int], str]
    urls: list[str] = field(default_factory=list)
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    """Nobody who wrote a mail knows it."""
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, url: str) -> int:
        """Number a link, the same one once; from 1."""
        if url not in self._numbers:
            self.urls.append(url)
            self._numbers[url] = len(self.urls)
        return self._numbers[url]

    def add_marked(self, url: str) -> str:
        """Number a link and return a place-holder that the sanitizer lets stand."""
        return f"https://{self.mark}.invalid/{self.add(url)}"

    def marked(self, place: str) -> str | None:
        """Return the link that a place-holder stands for."""
        host, _, number = place.removeprefix("https://").partition(".invalid/")
        return self.get(int(number)) if host == self.mark and number.isdecimal() else None

    def put(self, html: str) -> str:
        """Write our own addresses in place of the place-holders."""
        return re.sub(rf"https://{self.mark}\.invalid/([0-9]+)", lambda found: self.write(int(found[1])), html)

    def get(self, number: int) -> str | None:
        return self.urls[number - 1] if 0 < number <= len(self.urls) else None


def read_target(url: str) -> Target:
    """Read a link as a browser does."""
    text = one_line(url, URL_LONGEST)
    odd = Target(Kind.ODD, text)
    if len(url) > URL_LONGEST:
        return odd
    cleaned = _DROPPED_BY_BROWSERS.sub("", url).strip("".join(map(chr, range(_ASCII_LOWEST + 1))))
    scheme, _, rest = cleaned.partition(":")
    if scheme.lower() == "mailto":
        people = (one_line(unquote(one), 320) for one in rest.partition("?")[0].split(",")[:MAILTO_MOST])
        addresses = tuple(one for one in people if one)
        return Target(Kind.MAIL, text, addresses=addresses) if addresses else odd
    if scheme.lower() == "tel":
        return Target(Kind.TELEPHONE, text, rest=one_line(unquote(rest), 64))
    found = _WEB.fullmatch(cleaned)
    if found is None:
        return odd
    user, at, place = found[2].rpartition("@")
    port = (_NUMBERED if place.startswith("[") else _PORT).fullmatch(place)
    host = _read_host(port[1]) if port else None
    if port is None or host is None or int(port[2] or 0) > _PORT_HIGHEST:
        return odd
    path, question, query = found[3].partition("?")
    behind = quote(path.replace("\\", "/") + question + query, safe=_AS_IT_STANDS, errors="replace")
    return Target(
        Kind.WEB,
        text,
        found[1].lower(),
        host,
        f":{port[2]}{behind}" if port[2] else behind,
        _own_letters(host),
        one_line(user, URL_LONGEST) + at if at else "",
        is_number=host.startswith("[") or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None,
    )


def host_of(url: str) -> str:
    """Return the host that a web link leads to; '' for all else."""
    return read_target(url).host


def _read_host(text: str) -> str | None:
    """Return a host in its plain form; None where we cannot be sure of it."""
    if text.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(text[1:-1])}]"
        except ValueError:
            return None
    try:
        host = unicodedata.normalize("NFC", unquote(text, errors="strict")).lower()
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None
    labels = host.removesuffix(".").split(".")
    return host if all(_LABEL.fullmatch(label) for label in labels) else None


def _own_letters(host: str) -> str:
    if not any(label.startswith("xn--") for label in host.split(".")):
        return ""
    try:
        return idna.decode(host)
    except (idna.IDNAError, UnicodeError):
        return host
