"""Put a reply's files on its draft, opened as they stream out of the store; clear text is held a range at a time."""

from collections.abc import AsyncIterator, Callable, Sequence

from sqlalchemy import select

from graph_sync.errors import Unexpected
from graph_sync.mailbox import Mailbox
from graph_sync.worker import Worker
from service.core.sheet import Part
from service.db.tables import Blob
from service.errors import Broken
from service.letters.compose import Composed
from service.mime.decoders import decoder
from service.vault.stream import context, open_stream

SMALL_BYTES = 3_000_000
"""Larger files need an upload session: learn.microsoft.com/graph/api/message-post-attachments (3 MB)."""
RANGE_BYTES = 10 * 327_680
"""Under 4 MB: learn.microsoft.com/graph/outlook-large-attachments"""


async def attach_all(worker: Worker, mailbox: Mailbox, draft_id: str, composed: Composed) -> int:
    """Bring the draft to hold every file, then read back that it does; return how many. Raises GraphError, Broken."""
    parts = composed.attachments
    there = await mailbox.attachments(draft_id)
    if len(there) > len(parts) or sum(one.size for one in there) < sum(part.size for part in parts[: len(there)]):
        for one in there:  # not what we left: begin again
            await mailbox.remove_attachment(draft_id, one.id)
        there = []
    keys = await _blob_keys(worker, composed)
    for part in parts[len(there) :]:
        await _attach(mailbox, draft_id, part, lambda part=part: _clear(worker, composed, keys, part))  # type: ignore[misc]  # mypy has no type for a default of a lambda
    await read_back(mailbox, draft_id, parts)
    return len(parts)


async def read_back(mailbox: Mailbox, draft_id: str, parts: Sequence[Part]) -> None:
    """Raise Unexpected where the draft does not hold all files; Exchange counts a little more than their bytes."""
    there = await mailbox.attachments(draft_id)
    if len(there) != len(parts) or sum(one.size for one in there) < sum(part.size for part in parts):
        raise Unexpected("attachments_missing")


async def _attach(mailbox: Mailbox, draft_id: str, part: Part, clear: Callable[[], AsyncIterator[bytes]]) -> None:
    if part.size < SMALL_BYTES:
        content = bytearray()
        async for piece in clear():
            content += piece
        if len(content) != part.size:
            raise Broken("a file has another size than its sheet says")
        await mailbox.attach(draft_id, part.name, part.type, bytes(content))
        return
    url = await mailbox.open_upload(draft_id, part.name, part.type, part.size)
    position, expected = 0, 0
    async for piece in _ranges(clear()):
        if expected != position:
            raise Unexpected("upload_out_of_step")
        following = await mailbox.upload(url, piece, position, part.size)
        position += len(piece)
        expected = part.size if following is None else following
    if position != part.size or expected != part.size:
        raise Unexpected("upload_not_finished")


async def _ranges(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    kept = bytearray()
    async for piece in pieces:
        kept += piece
        while len(kept) >= RANGE_BYTES:
            yield bytes(kept[:RANGE_BYTES])
            del kept[:RANGE_BYTES]
    if kept:
        yield bytes(kept)


async def _clear(worker: Worker, composed: Composed, keys: dict[str, str], part: Part) -> AsyncIterator[bytes]:
    """Open and decode one part. Raises SealBroken, Broken, TryAgain."""
    if composed.content_key is None or composed.message_id is None or part.blob not in keys:
        raise Broken("a file of a reply is not there")
    opened = open_stream(
        composed.content_key, context(composed.message_id.hex, part.blob), worker.blobs.stream(keys[part.blob])
    )
    decode, at, end = decoder(part.encoding), 0, part.offset + part.length
    async for piece in opened:
        if wanted := piece[max(0, part.offset - at) : max(0, end - at)]:
            yield decode.feed(wanted)
        at += len(piece)
    yield decode.close()


async def _blob_keys(worker: Worker, composed: Composed) -> dict[str, str]:
    async with worker.db.reading() as session:
        rows = await session.scalars(select(Blob).where(Blob.message_id == composed.message_id))
        return {row.name: row.key for row in rows}
