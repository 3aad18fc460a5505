"""One .eml file: prepared for sending, and what of it must arrive.

What must arrive is read with the standard library's compat32 parser, not with the product's, so that the two can
disagree.
"""

import hashlib
import html
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from functools import cached_property
from pathlib import Path

CAST_FIELDS = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"})
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|$)")
_SHOWN = {"text/plain", "text/html", "text/enriched", "text/markdown"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part without children, as the standard library reads it; a message/* part is one leaf, as its bytes stand."""

    name: str
    type: str
    content: bytes
    is_file: bool
    """Disposition attachment with a file name."""
    charset: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def may_be_body(self) -> bool:
        return self.type in _SHOWN and not self.is_file


@dataclass(frozen=True)
class MailFile:
    """A file and the mail that is sent for it."""

    path: Path
    sent: bytes
    """With the cast's addresses and the tag; every other byte is the file's."""

    @classmethod
    def prepare(cls, path: Path, *, sender: str, to: str, cc: str, bcc: str) -> "MailFile":
        """Give the mail to the cast: From, To, Cc and Bcc become theirs, Subject gets the tag."""
        raw = path.read_bytes()
        fields, rest = split_header(raw)
        newline = _newline(raw)
        ours = [b"From: " + sender.encode(), b"To: " + to.encode(), b"Cc: " + cc.encode(), b"Bcc: " + bcc.encode()]
        kept = [field for name, field in fields if name not in CAST_FIELDS]
        subject = next((n for n, (name, _) in enumerate(fields) if name == b"subject"), None)
        if subject is None:
            ours.append(b"Subject: [secure]")
        else:
            tagged = fields[subject][1]
            at = kept.index(tagged)
            kept[at] = re.sub(rb"^([^:]*:)", rb"\1 [secure]", tagged, count=1)
        if not fields and rest and rest[:1] not in b"\r\n":
            rest = newline + rest  # a file without a header: ours must not swallow its first line
        return cls(path, b"".join(line + newline for line in ours) + b"".join(kept) + rest)

    @property
    def below_header(self) -> bytes:
        return below_header(self.sent)

    @property
    def is_automatic_answer(self) -> bool:
        """An out-of-office note or a read confirmation: a good service sends no receipts for it (RFC 3834 §2)."""
        head = message_from_bytes(self.sent, policy=policy.compat32)
        answered = str(head.get("Auto-Submitted", "")).strip().lower().startswith(("auto-replied", "auto-notified"))
        report = str(head.get("Content-Type", "")).lower()
        return answered or ("multipart/report" in report and "disposition-notification" in report)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(_leaves(message_from_bytes(self.sent, _class=_Opaque, policy=policy.compat32)))


def split_header(raw: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Split into the top block's fields, each (lower-case name, bytes with continuation lines), and the rest.

    The rest begins with the blank line, where there is one.
    """
    fields: list[tuple[bytes, bytes]] = []
    position = 0
    while position < len(raw):
        line = _LINE.match(raw, position)
        assert line is not None
        text = line.group()
        if not text.strip(b"\r\n"):
            break
        if text[:1] in b" \t" and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + text)
        elif field := _FIELD.match(text):
            fields.append((field.group(1).lower(), text))
        elif not fields and text.startswith(b"From "):
            pass  # an mbox line before the header is no field
        else:
            break
        position = line.end()
    return fields, raw[position:]


def below_header(raw: bytes) -> bytes:
    """Return what stands below the first blank line."""
    _, rest = split_header(raw)
    return re.sub(rb"^(?:\r\n|\n|\r)", b"", rest, count=1)


def plain_characters(text: str, *, is_html: bool) -> str:
    """Return the text without markup and without blanks, to be counted."""
    if is_html:
        text = re.sub(r"(?is)<!--.*?-->|<(script|style|title|head|noscript|template)\b.*?</\1\s*>", " ", text)
        text = html.unescape(re.sub(r"(?s)<[^<>]*>", " ", text))
    return re.sub(r"[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+", "", text)


def decoded_text(leaf_content: bytes, charset: str) -> str:
    """Decode as a plain reader would: the label, then UTF-8, then Windows' Latin."""
    for label in (charset, "utf-8"):
        try:
            return leaf_content.decode(label)
        except (LookupError, UnicodeDecodeError):
            continue
    return leaf_content.decode("cp1252", "replace")


def _newline(raw: bytes) -> bytes:
    if b"\r\n" in raw:
        return b"\r\n"
    return b"\n" if b"\n" in raw else b"\r" if b"\r" in raw else b"\r\n"


class _Opaque(Message):
    """A message whose parser does not descend into message/*: such a part stays one leaf, as its bytes stand."""

    def get_content_type(self) -> str:
        found = super().get_content_type()
        return "application/octet-stream" if found.startswith("message/") else found


def _leaves(message: Message) -> list[Leaf]:
    found: list[Leaf] = []
    for part in _walk(message):
        content = part.get_payload(decode=True)
        disposition = str(part.get("Content-Disposition", "")).strip().lower()
        name = part.get_filename("") or ""
        found.append(
            Leaf(
                name=name,
                type=Message.get_content_type(part),
                content=content if isinstance(content, bytes) else b"",
                is_file=disposition.startswith("attachment") and bool(name),
                charset=str(part.get_param("charset") or ""),
            )
        )
    return found


def _walk(message: Message) -> list[Message]:
    if message.get_content_maintype() == "multipart" and isinstance(message.get_payload(), list):
        children = message.get_payload()
        return [leaf for child in children if isinstance(child, Message) for leaf in _walk(child)]
    return [message]
