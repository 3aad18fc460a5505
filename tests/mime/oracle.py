"""How the standard library's compat32 parser reads a mail: the second opinion on every byte of every leaf."""

import hashlib
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


class Opaque(Message):
    """A message which its parser does not descend into: message/* stays one leaf, as its bytes stand."""

    def get_content_type(self) -> str:
        found = super().get_content_type()
        return "application/octet-stream" if found.startswith("message/") else found


def read_leaves(raw: bytes) -> list[Leaf]:
    return [_leaf(part) for part in _walk(message_from_bytes(raw, _class=Opaque, policy=policy.compat32))]


def _walk(message: Message) -> list[Message]:
    payload = message.get_payload()
    if message.get_content_maintype() == "multipart" and isinstance(payload, list):
        return [leaf for child in payload if isinstance(child, Message) for leaf in _walk(child)]
    return [message]


def _leaf(part: Message) -> Leaf:
    content = part.get_payload(decode=True)
    disposition = str(part.get("Content-Disposition", "")).strip().lower()
    is_file = disposition.startswith("attachment") and bool(part.get_filename())
    return Leaf(Message.get_content_type(part), content if isinstance(content, bytes) else b"", is_file)
