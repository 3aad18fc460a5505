"""The top of a mail as it came, as far as its recipients may see it."""

import unicodedata
from contextlib import aclosing

from service.mailbox.opening import Content
from service.mime.charsets import decode_header
from service.mime.headers import HeaderFilter, is_kept, split_fields

_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


async def read_header(content: Content) -> str:
    """Return the fields that recipients may see, line by line, nothing decoded. Raises Broken."""
    header = HeaderFilter()
    async with aclosing(content.open_source()) as pieces:
        async for piece in pieces:
            header.feed(piece)
            if header.is_complete:
                break
    header.close()
    kept = (raw for name, raw in split_fields(header.header) if name and is_kept(name))
    lines = (decode_header(raw).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") for raw in kept)
    text = "\n".join(line for line in lines if line.strip())
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in _NOT_SHOWN)
