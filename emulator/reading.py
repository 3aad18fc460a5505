"""A mail read as an ordinary mail program reads it: for the Outlook page and the outside mailboxes."""

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from emulator.exchange.headers import Address, decode_words, read_date, split_mail

HTML_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'"
)
"""For mail HTML on a page of its own: no scripts, no origin, links open in a new tab."""
_BLOCKS = {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "ul", "ol", "table", "blockquote", "hr"}
_SILENT = {"style", "script", "head", "title"}
_CID = re.compile(r"cid:([^\"'\s)>]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One part that holds bytes."""

    name: str
    content_type: str
    content: bytes
    content_id: str = ""
    is_inline: bool = False
    charset: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a mail program shows."""

    subject: str
    from_: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    sent: datetime | None
    message_id: str
    references: str
    text: str
    html: str
    files: tuple[Leaf, ...]
    """What is offered for download: all that is neither the body nor a picture in it."""

    @property
    def best_text(self) -> str:
        return self.text or plain_text(self.html)


def read_mail(mime: bytes) -> Shown:
    """Read the header and the parts; what is broken is shown as far as it goes."""
    header, _ = split_mail(mime)
    leaves = list(_leaves(message_from_bytes(mime, policy=policy.compat32)))
    text = next((part for part in leaves if _is_body(part, "text/plain")), None)
    html = next((part for part in leaves if _is_body(part, "text/html")), None)
    markup = _decoded(html) if html else ""
    pictures = {part.content_id: part for part in leaves if part.content_id}
    used = {unquote(cid) for cid in _CID.findall(markup)} & pictures.keys()
    files = tuple(part for part in leaves if part is not text and part is not html and part.content_id not in used)
    return Shown(
        subject=header.text("subject"),
        from_=next(iter(header.addresses("from")), Address("", "")),
        to=header.addresses("to"),
        cc=header.addresses("cc"),
        bcc=header.addresses("bcc"),
        reply_to=header.addresses("reply-to"),
        sent=read_date(header.get("date")),
        message_id=header.get("message-id"),
        references=header.get("references"),
        text=_decoded(text) if text else "",
        html=_CID.sub(lambda match: _embedded(pictures.get(unquote(match[1])), match[0]), markup),
        files=files,
    )


def frame_page(shown: Shown) -> str:
    """Return the HTML part as a page for a sandboxed frame, links opening in a new tab."""
    return '<!doctype html><meta charset="utf-8"><base target="_blank">' + shown.html


def plain_text(html: str) -> str:
    """Say the HTML without markup, a line for each block."""
    reader = _PlainText()
    reader.feed(html)
    reader.close()
    text = "".join(reader.pieces)
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"[ \t\xa0]+", " ", text))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class _PlainText(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(re.sub(r"\s+", " ", data))


def _leaves(message: Message) -> Iterator[Leaf]:
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _leaves(part)
        return
    content_id = str(message.get("Content-ID", "")).strip().strip("<>")
    disposition = str(message.get("Content-Disposition", "")).strip().lower()
    yield Leaf(
        _file_name(message),
        message.get_content_type(),
        _content(message),
        content_id,
        disposition.startswith("inline"),
        str(message.get_content_charset() or ""),
    )


def _content(message: Message) -> bytes:
    if message.is_multipart():  # a mail within the mail
        inner: Any = message.get_payload(0)
        whole: bytes = inner.as_bytes()
        return whole
    content = message.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _file_name(message: Message) -> str:
    found = message.get_filename() or ""
    name = decode_words(found if isinstance(found, str) else "".join(found))
    return re.sub(r"[\r\n/\\]+", " ", name).strip()


def _is_body(part: Leaf, content_type: str) -> bool:
    return part.content_type == content_type and (not part.name or part.is_inline)


def _decoded(part: Leaf) -> str:
    for charset in (part.charset or "utf-8", "utf-8", "cp1252"):
        with suppress(UnicodeDecodeError, LookupError):
            return part.content.decode(charset)
    return part.content.decode("latin-1")


def _embedded(picture: Leaf | None, otherwise: str) -> str:
    if picture is None:
        return otherwise
    return f"data:{picture.content_type};base64,{base64.b64encode(picture.content).decode()}"
