"""How the standard library's compat32 parser reads a mail: the second opinion on every byte of every leaf."""

import hashlib
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message

from service.mime.index import Mail, MailIndexer

TEXTS = {"text/plain", "text/html", "text/enriched", "text/markdown"}


@dataclass(frozen=True)
class Leaf:
    type: str
    content: bytes
    is_file: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def index(raw: bytes, size: int = 65536) -> Mail:
    indexer = MailIndexer()
    for at in range(0, len(raw), size):
        indexer.feed(raw[at : at + size])
    return indexer.close()


def read_leaves(raw: bytes) -> list[Leaf]:
    return [_leaf(part, raw) for part in _walk(message_from_bytes(raw, policy=policy.compat32))]


def _walk(message: Message) -> list[Message]:
    payload = message.get_payload()
    if message.get_content_maintype() == "multipart" and isinstance(payload, list):
        return [leaf for child in payload if isinstance(child, Message) for leaf in _walk(child)]
    return [message]


def _leaf(part: Message, raw: bytes) -> Leaf:
    payload = part.get_payload()
    content = part.get_payload(decode=True)
    if isinstance(payload, list):
        content = b"".join(child.as_bytes(policy=policy.compat32) for child in payload if isinstance(child, Message))
        if content not in raw:
            content = re.sub(rb"(?<!\r)\n", b"\r\n", content)
        if content.endswith(b"\n") and raw[raw.find(content) + len(content) :].startswith(b"--"):
            content = re.sub(rb"\r?\n\Z", b"", content)  # the line end before a boundary belongs to the boundary
    disposition = str(part.get("Content-Disposition", "")).strip().lower()
    is_file = disposition.startswith("attachment") and bool(part.get_filename())
    return Leaf(part.get_content_type(), content if isinstance(content, bytes) else b"", is_file)
