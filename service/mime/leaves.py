"""What is gathered of each part while it streams by: a digest, a count, and of texts as much as is shown."""

import hashlib
from dataclasses import dataclass, field

from service.mime.charsets import decode_text
from service.mime.decoders import IDENTITY, Decoder, decoder
from service.mime.excerpt import strip_html
from service.mime.limits import EXCERPT_HTML_BYTES, INNER_HEADER_BYTES, TEXT_BYTES, TEXTS_BYTES
from service.mime.notes import Note
from service.mime.roles import is_body
from service.mime.tree import Data, End, Event, Node, Start

PICTURE_HEAD_BYTES = 16
MAILS = frozenset({"message/rfc822", "message/global"})


@dataclass(slots=True)
class Leaf:
    """A part's decoded bytes, counted and hashed. Of a multipart: what stands where no part is."""

    node: Node
    decoder: Decoder
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    size: int = 0
    head: bytes = b""
    text: bytearray | None = None

    @property
    def has_bytes(self) -> bool:
        """A multipart is a leaf too where nothing was found in it, or where its boundary was only guessed."""
        return not self.node.children or self.node.is_guessed

    @property
    def is_counted(self) -> bool:
        return not self.node.children

    def decoded_text(self, longest: int = TEXT_BYTES) -> str:
        """Decode what was kept, or its first bytes up to the end of a line."""
        data = bytes(self.text or b"")
        if len(data) > longest:
            data = data[: data.rfind(b"\n", 0, longest) + 1 or longest]
        is_html = self.node.heading.type == "text/html"
        return decode_text(data, self.node.heading.parameters.get("charset", ""), html=is_html)

    def plain_text(self) -> str:
        """Return plain words, as many as an excerpt needs."""
        text = self.decoded_text(EXCERPT_HTML_BYTES)
        return strip_html(text) if self.node.heading.type in {"text/html", "text/enriched"} else text


class Gatherer:
    """Takes the scanner's events."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self._text_left = TEXTS_BYTES

    def take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Start):
                self.leaves.append(_begin(event.node))
                continue
            leaf = self.leaves[event.node.number]
            if isinstance(event, Data):
                self._add(leaf, leaf.decoder.feed(event.data))
            elif isinstance(event, End):
                self._add(leaf, leaf.decoder.close())
                leaf.node.notes.extend(leaf.decoder.notes)
                if leaf.node.is_container and not leaf.node.children:
                    leaf.node.notes.append(Note.NO_BOUNDARY)

    def _add(self, leaf: Leaf, data: bytes) -> None:
        if not data:
            return
        leaf.digest.update(data)
        leaf.size += len(data)
        longest = INNER_HEADER_BYTES if leaf.node.heading.type in MAILS else PICTURE_HEAD_BYTES
        if len(leaf.head) < longest:
            leaf.head += data[: longest - len(leaf.head)]
        if leaf.text is not None:
            room = min(TEXT_BYTES - len(leaf.text), self._text_left)
            leaf.text += data[:room]
            self._text_left -= min(room, len(data))
            if room < len(data) and Note.TEXT_TOO_LONG not in leaf.node.notes:
                leaf.node.notes.append(Note.TEXT_TOO_LONG)


def _begin(node: Node) -> Leaf:
    leaf = Leaf(node, decoder(IDENTITY if node.is_container else node.heading.encoding))
    if node.is_container or is_body(node):
        leaf.text = bytearray()
    return leaf
