"""What a mail holds, read when somebody asks: body and attachments; and a draft with files written as one mail."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from email.utils import encode_rfc2231

from emulator.exchange.headers import Header, decode_words
from emulator.exchange.mailbox import Attachment, Item


@dataclass(slots=True)
class Parts:
    """Of one mail."""

    text: str = ""
    html: str | None = None
    attachments: list[Attachment] = field(default_factory=list)

    @property
    def preview(self) -> str:
        source = self.text if self.html is None else re.sub(r"(?s)<(style|script).*?</\1>|<[^>]*>", " ", self.html)
        return " ".join(source.split())[:255]


def parts_of(item: Item) -> Parts:
    """Read body and attachments; kept with the item until its bytes change."""
    if isinstance(item.parts, Parts):
        return item.parts
    found = Parts()
    _walk(message_from_bytes(item.mime, policy=policy.compat32), item, found)
    item.parts = found
    return found


def attachments_of(item: Item) -> list[Attachment]:
    return parts_of(item).attachments + item.added


def assemble(header: Header, rest: bytes, added: list[Attachment]) -> tuple[Header, bytes]:
    """Write a draft and the files put on it as one multipart/mixed mail, as Exchange does on sending."""
    if not added:
        return header, rest
    eol = header.newline
    kind = header.get("content-type")
    boundary = _boundary(kind)
    if kind.lower().startswith("multipart/mixed") and boundary and (end := rest.rfind(b"--" + boundary + b"--")) >= 0:
        files = b"".join(b"--" + boundary + eol + _file(one, eol) for one in added)
        return header, rest[:end] + files + rest[end:]
    fresh = secrets.token_hex(16)
    moved = [(key, line) for key, line in header.fields if key.startswith("content-")]
    first = Header(moved, eol).as_bytes() or b"Content-Type: text/plain; charset=us-ascii" + eol
    top = header.without(["mime-version"], prefix="content-").on_top(
        ("MIME-Version", "1.0"), ("Content-Type", f'multipart/mixed; boundary="{fresh}"')
    )
    mark = b"--" + fresh.encode()
    pieces = [eol, mark, eol, first, rest or eol, eol]
    for one in added:
        pieces += [mark, eol, _file(one, eol)]
    return top, b"".join([*pieces, mark, b"--", eol])


def _walk(message: Message, item: Item, found: Parts) -> None:
    if message.get_content_maintype() == "multipart" and isinstance(message.get_payload(), list):
        children = message.get_payload()
        for child in children if isinstance(children, list) else []:
            if isinstance(child, Message):
                _walk(child, item, found)
        return
    disposition = str(message.get("Content-Disposition", "")).strip().lower()
    kind = message.get_content_type()
    if kind in {"text/plain", "text/html"} and not disposition.startswith("attachment") and not message.get_filename():
        _body(message, kind, found)
        return
    found.attachments.append(_attachment(message, kind, disposition, item, len(found.attachments)))


def _body(message: Message, kind: str, found: Parts) -> None:
    content = message.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    charset = str(message.get_param("charset") or "utf-8")
    try:
        text = raw.decode(charset, "replace")
    except LookupError:
        text = raw.decode("latin-1")
    if kind == "text/html":
        found.html = (found.html or "") + text
    else:
        found.text += text


def _attachment(message: Message, kind: str, disposition: str, item: Item, number: int) -> Attachment:
    digest = hashlib.sha256(f"{item.immutable_id}/{number}".encode()).digest()
    is_mail = kind.startswith("message/") and isinstance(message.get_payload(), list)
    if is_mail:
        children = message.get_payload()
        inner = [child for child in children if isinstance(child, Message)] if isinstance(children, list) else []
        raw = b"".join(child.as_bytes(policy=policy.compat32) for child in inner)
    else:
        payload = message.get_payload(decode=True)
        raw = payload if isinstance(payload, bytes) else b""
    content_id = str(message.get("Content-ID", "")).strip().strip("<>")
    return Attachment(
        id="AAMkAGatt" + base64.urlsafe_b64encode(digest).decode(),
        name=decode_words(message.get_filename("") or ("mail.eml" if is_mail else f"ATT{number:05d}")),
        content_type=kind,
        content=raw,
        is_inline=disposition.startswith("inline") or bool(content_id and not disposition.startswith("attachment")),
        content_id=content_id,
        kind="item" if kind == "message/rfc822" else "file",
    )


def _boundary(content_type: str) -> bytes:
    found = re.search(r'boundary=(?:"([^"]+)"|([^\s;]+))', content_type, re.IGNORECASE)
    return (found.group(1) or found.group(2)).encode() if found else b""


def _file(one: Attachment, eol: bytes) -> bytes:
    name = _parameter(one.name)
    kind = re.sub(r"[\r\n]+", " ", one.content_type) or "application/octet-stream"
    lines = [
        f"Content-Type: {kind}; name{name}",
        f"Content-Disposition: {'inline' if one.is_inline else 'attachment'}; filename{name}",
        *([f"Content-ID: <{one.content_id}>"] if one.content_id else []),
        "Content-Transfer-Encoding: base64",
        "",
        "",
    ]
    return eol.join(line.encode() for line in lines) + base64.encodebytes(one.content).replace(b"\n", eol)


def _parameter(name: str) -> str:
    flat = re.sub(r"[\r\n]+", " ", name)
    if flat.isascii():
        escaped = flat.replace("\\", "\\\\").replace('"', '\\"')
        return f'="{escaped}"'
    return f"*={encode_rfc2231(flat, 'utf-8')}"
