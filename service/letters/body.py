"""The text of a reply, from its sealed blob to what staff see: plain text, and simple HTML made safe."""

import html
import re
from dataclasses import dataclass

import nh3
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.blobs import Blobs
from service.core.sheet import Part, Role, Sheet
from service.db.tables import Blob, Message
from service.errors import Broken
from service.mime.charsets import decode_text
from service.mime.decoders import decoder
from service.vault.stream import context, open_range
from service.vault.types import DataKey

TAGS = frozenset(
    """a b blockquote br div em h1 h2 h3 i li ol p pre s strong table tbody td th thead tr u ul""".split()  # noqa: SIM905 - read as words
)
"""What the portal's editor writes."""
LINKS = frozenset({"http", "https", "mailto", "tel"})
_BREAK = re.compile(r"<(?:br|/(?:p|div|li|blockquote|h[1-3]|pre))\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Body:
    text: str
    html: Markup | None


async def read_body(session: AsyncSession, blobs: Blobs, message: Message, sheet: Sheet, key: DataKey) -> Body:
    """Read both forms of a body; one that is missing is made from the other. Raises SealBroken, Broken, TryAgain."""
    text = await _read(session, blobs, message, _part(sheet, Role.BODY_TEXT), key)
    markup = await _read(session, blobs, message, _part(sheet, Role.BODY_HTML), key)
    if markup is None:
        return Body(text or "", None)
    cleaned = nh3.clean(
        markup,
        tags=set(TAGS),
        attributes={"*": set(), "a": {"href"}},
        url_schemes=set(LINKS),
        url_relative="deny",
    )
    return Body(_text_of(cleaned) if text is None else text, Markup(cleaned))  # noqa: S704 - cleaned one line above


def html_of_text(text: str) -> Markup:
    """Write plain text as paragraphs."""
    paragraphs = re.split(r"\n{2,}", text.replace("\r\n", "\n").strip("\n"))
    return Markup("\n").join(
        Markup("<p>{}</p>").format(Markup("<br>\n").join(paragraph.split("\n"))) for paragraph in paragraphs
    )


def _text_of(cleaned: str) -> str:
    text = html.unescape(_TAG.sub("", _BREAK.sub("\n", cleaned)))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _part(sheet: Sheet, role: Role) -> Part | None:
    return next((part for part in sheet.parts if part.role is role), None)


async def _read(session: AsyncSession, blobs: Blobs, message: Message, part: Part | None, key: DataKey) -> str | None:
    if part is None:
        return None
    blob_key = await session.scalar(select(Blob.key).where(Blob.message_id == message.id, Blob.name == part.blob))
    if blob_key is None:
        raise Broken("the text of a reply is gone")
    decode = decoder(part.encoding)
    place = context(message.id.hex, part.blob)
    pieces = [
        decode.feed(piece) async for piece in open_range(key, place, blobs.reader(blob_key), part.offset, part.length)
    ]
    clear = b"".join([*pieces, decode.close()])
    return decode_text(clear, part.charset or "utf-8", html=part.role is Role.BODY_HTML)
