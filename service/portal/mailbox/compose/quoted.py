"""The original below what is written."""

from service.errors import Broken
from service.mailbox.deliveries import list_blobs
from service.mailbox.opening import Content, Opened
from service.mailbox.replies import QUOTED_CHARACTERS
from service.mailbox.shown import read_plain
from service.portal.state import portal


async def quote_of(original: Opened, longest: int = QUOTED_CHARACTERS) -> str:
    """Read what is quoted below a reply; a damaged original can still be answered."""
    try:
        return await read_plain(await content_of(original), original.sheet, longest)
    except Broken:
        return ""


async def content_of(original: Opened) -> Content:
    on = portal()
    async with on.db.reading() as session:
        return Content.of(on.blobs, original, await list_blobs(session, original.message.id))
