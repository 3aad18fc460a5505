"""After any doubt, look where the mail is: the draft's own place and Sent Items decide, nothing else does."""

from enum import Enum, auto

from graph_sync.errors import NotFound
from graph_sync.mailbox import DRAFTS, SENT_ITEMS, Mailbox
from service.db.tables import Outbox

ROW_HEADER = "X-Safemail-Row"
"""Carries the row's id, should Exchange give the mail another Message-ID."""


class Place(Enum):
    DRAFT = auto()
    """It lies in Drafts: it was not sent."""
    LEAVING = auto()
    """Neither a draft nor sent: on its way out."""
    SENT = auto()
    NOWHERE = auto()


async def whereabouts(mailbox: Mailbox, row: Outbox, message_id: str) -> tuple[Place, str]:
    """Look for a row's mail; return its place, and its id where it is a draft. Raises GraphError."""
    if row.draft_id:
        try:
            item = await mailbox.item(row.draft_id)
        except NotFound:
            pass
        else:
            if item.folder_id == await mailbox.folder_id(SENT_ITEMS):
                return Place.SENT, ""
            is_there = item.is_draft and item.folder_id == await mailbox.folder_id(DRAFTS)
            return (Place.DRAFT, row.draft_id) if is_there else (Place.LEAVING, "")
    if await _find(mailbox, SENT_ITEMS, row, message_id):
        return Place.SENT, ""
    if draft_id := await _find(mailbox, DRAFTS, row, message_id):
        return Place.DRAFT, draft_id
    return Place.NOWHERE, ""


async def find_sent(mailbox: Mailbox, row: Outbox, message_id: str) -> str:
    """Return the id of the copy in Sent Items, empty where there is none."""
    if row.draft_id:
        try:
            item = await mailbox.item(row.draft_id)
        except NotFound:
            pass
        else:
            return item.id if item.folder_id == await mailbox.folder_id(SENT_ITEMS) else ""
    return await _find(mailbox, SENT_ITEMS, row, message_id)


async def find_draft(mailbox: Mailbox, row: Outbox, message_id: str) -> str:
    """Return the id of a draft that an attempt made which died before it could say so, empty where there is none."""
    return await _find(mailbox, DRAFTS, row, message_id)


async def _find(mailbox: Mailbox, folder: str, row: Outbox, message_id: str) -> str:
    for item in await mailbox.find(folder, message_id):
        return item.id
    for item_id in await mailbox.find_by_header(folder, ROW_HEADER, row.id.hex):
        return item_id
    return ""
