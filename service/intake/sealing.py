"""Seal a mail while it streams by: header filtered, indexed and sealed in one pass, in memory that does not grow."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from service.core.limits import MEBIBYTE
from service.errors import TooBig
from service.mime.headers import HeaderFilter
from service.mime.index import Mail, MailIndexer
from service.vault.stream import Sealer, context, new_data_key
from service.vault.types import DataKey

SOURCE = "source"
SOURCE_LONGEST = 200 * MEBIBYTE
"""Exchange Online takes 150 MB at most; whatever is longer is not a mail from there."""


@dataclass
class Incoming:
    """One mail on its way in: its own message id and keys, not yet known to anybody."""

    message_id: str
    """uuid as hex."""
    pieces: AsyncIterator[bytes]
    content_key: DataKey = field(default_factory=new_data_key, repr=False)
    sheet_key: DataKey = field(default_factory=new_data_key, repr=False)
    mail: Mail | None = field(default=None, repr=False)
    """Known once all is sealed."""

    def __post_init__(self) -> None:
        self._filter = HeaderFilter()
        self._first = b""

    async def header(self) -> bytes:
        """Read as far as the header block goes and return it as it came, nothing left out."""
        if not self._filter.is_complete:
            async for piece in self.pieces:
                self._first += self._filter.feed(piece)
                if self._filter.is_complete:
                    break
            else:
                self._first += self._filter.close()
        return self._filter.header

    async def sealed(self, longest: int) -> AsyncIterator[bytes]:
        """Seal what recipients may see of it; `longest` bounds the decoded bytes of body and attachments.

        Raises:
            TooBig: at the end, before the last piece, so that nothing half is kept.
        """
        await self.header()
        sealer = Sealer(self.content_key, context(self.message_id, SOURCE))
        indexer = MailIndexer(SOURCE)
        first, self._first = self._first, b""
        length = len(first)
        indexer.feed(first)
        yield sealer.update(first)
        async for piece in self.pieces:
            kept = self._filter.feed(piece)
            length += len(kept)
            if length > SOURCE_LONGEST:
                raise TooBig(length - longest)
            indexer.feed(kept)
            yield sealer.update(kept)
        if rest := self._filter.close():
            indexer.feed(rest)
            yield sealer.update(rest)
        self.mail = await asyncio.to_thread(indexer.close)
        if self.mail.size > longest:
            raise TooBig(self.mail.size - longest)
        yield sealer.finalize()
