"""What was typed, made ready to be kept: its markup cleaned, its plain words made from it."""

from service.accounts.preferring import read_signature
from service.errors import Refused
from service.mailbox import drafts
from service.mailbox.drafts import TEXT_LONGEST, Draft
from service.mailbox.shown import in_thread
from service.mailbox.written import clean_written, words_of
from service.portal.mailbox.blueprint import reader
from service.portal.mailbox.compose.work import Typed
from service.portal.mailbox.turns import text_turn
from service.portal.state import portal


async def settle_body(typed: Typed, draft: Draft) -> None:
    """Clean the markup. A form without script, which leaves a draft's words as they are, leaves its markup too."""
    if typed.html is not None and not typed.html.strip():
        typed.html = None
    elif typed.html is not None:
        try:
            async with text_turn():
                typed.html, typed.text = await in_thread(_clean, typed.html)
        except Refused:
            typed.html = None  # the plain words came beside it
    elif draft.is_rich and not typed.is_plain:
        text, html = await drafts.read_typed(portal().blobs, draft)
        if text.strip() == typed.text.strip():
            typed.html = html


async def signature() -> str:
    """Read what the reader puts under what they write."""
    who = reader()
    async with portal().db.reading() as session:
        return await read_signature(session, who.key, who.account_id)


def _clean(html: str) -> tuple[str, str]:
    """Raises Refused, also where the words would be longer than any that are typed."""
    cleaned = clean_written(html)
    words = words_of(cleaned)
    if len(words.encode()) > TEXT_LONGEST:
        raise Refused
    return cleaned, words
