"""Opening a delivery with its reader's key: sheet, excerpt, parts, source. Only what is asked for is opened."""

import hashlib
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from service.blobs import Blobs
from service.core.sheet import Part, Sheet
from service.core.states import MessageKind
from service.db.tables import Delivery, Message
from service.errors import Broken, SealBroken
from service.mime.charsets import decode_text
from service.mime.decoders import decoder
from service.mime.limits import TEXT_BYTES
from service.vault.people import RecipientKey
from service.vault.ring import KeyRing
from service.vault.stream import context, open_range, open_sealed, open_stream
from service.vault.tokens import same
from service.vault.types import DataKey


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """A delivery whose keys and sheet are open."""

    delivery: Delivery
    message: Message
    content_key: DataKey
    sheet_key: DataKey
    sheet: Sheet

    @property
    def is_checked(self) -> bool:
        """It came from inside: intake let nothing else in, and `sync` signed the sheet."""
        return self.message.kind is MessageKind.RECEIVED

    @property
    def excerpt(self) -> str:
        """Raises SealBroken."""
        place = context(self.message.id.hex, "excerpt")
        return open_sealed(self.content_key, place, self.message.excerpt).decode("utf-8", "replace")


def open_delivery(ring: KeyRing, key: RecipientKey, delivery: Delivery) -> Opened:
    """Open keys and sheet. A received one must carry `sync`'s signature, the reader's own the portal's proof.

    Raises:
        SealBroken: it was changed, or moved here from another row.
    """
    message = delivery.message
    content_key, sheet_key = key.open_keys(message.id.hex, delivery.keys)
    if message.sheet_signature is None:
        raise SealBroken
    if message.kind is MessageKind.RECEIVED:
        ring.check(signed_sheet(message), message.sheet_signature)
    elif not same(own_proof(ring, message), message.sheet_signature):
        raise SealBroken
    opened = open_sealed(sheet_key, context(message.id.hex, "sheet"), message.sheet)
    try:
        sheet = Sheet.from_bytes(opened)
    except ValueError as exc:
        raise SealBroken from exc
    return Opened(delivery, message, content_key, sheet_key, sheet)


def signed_sheet(message: Message) -> bytes:
    """Return what `sync` signs: the message's id and the sealed sheet."""
    return b"sheet\0" + message.id.bytes + hashlib.sha256(message.sheet).digest()


def own_proof(ring: KeyRing, message: Message) -> bytes:
    """Return what the portal puts beside a sheet of its own, so that a writer to the database cannot make one up."""
    return ring.digest("pepper", "sheet", signed_sheet(message).hex())


class Content:
    """The blobs of one opened message; `keys` are the store's, by the names in the message."""

    def __init__(self, blobs: Blobs, content_key: DataKey, message_id: uuid.UUID, keys: Mapping[str, str]) -> None:
        self._blobs, self._content_key, self._message_id, self._keys = blobs, content_key, message_id, keys

    @classmethod
    def of(cls, blobs: Blobs, opened: Opened, keys: Mapping[str, str]) -> "Content":
        return cls(blobs, opened.content_key, opened.message.id, keys)

    async def open_part(self, part: Part) -> AsyncGenerator[bytes, None]:
        """Give out the decoded bytes of a part.

        Raises:
            Broken: possibly after bytes were given out, where they are not what the sheet says: then abort.
        """
        read = self._blobs.reader(self._key(part.blob))
        decode = decoder(part.encoding)
        digest = hashlib.sha256()
        async for clear in open_range(self._content_key, self._place(part.blob), read, part.offset, part.length):
            if piece := decode.feed(clear):
                digest.update(piece)
                yield piece
        if rest := decode.close():
            digest.update(rest)
            yield rest
        if digest.hexdigest() != part.sha256:
            raise Broken("a part is not what its sheet says")

    async def open_source(self) -> AsyncGenerator[bytes, None]:
        """Give out the whole mail as it was sealed. Raises Broken, possibly at the end: then abort."""
        sealed = self._blobs.stream(self._key("source"))
        async for piece in open_stream(self._content_key, self._place("source"), sealed):
            yield piece

    async def read_part(self, part: Part, longest: int) -> bytes:
        """Read the beginning of a part, at most `longest` bytes."""
        held = bytearray()
        async with aclosing(self.open_part(part)) as pieces:
            async for piece in pieces:
                held += piece
                if len(held) >= longest:
                    break
        return bytes(held[:longest])

    async def read_text(self, part: Part, longest: int = TEXT_BYTES) -> str:
        """Read the beginning of a text."""
        return decode_text(await self.read_part(part, longest), part.charset, html=part.type == "text/html")

    def _key(self, blob: str) -> str:
        try:
            return self._keys[blob]
        except KeyError as exc:
            raise Broken("a message lacks one of its blobs") from exc

    def _place(self, blob: str) -> bytes:
        return context(self._message_id.hex, blob)
