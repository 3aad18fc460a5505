"""The mailbox's blueprint, and what its pages have in common."""

import uuid
from typing import Any

from quart import Blueprint, abort, g
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import Folder
from service.db.tables import Delivery
from service.mailbox.deliveries import count_all, get_delivery, list_blobs
from service.mailbox.opening import Content, Opened, open_delivery
from service.mailbox.own_folders import list_own
from service.portal.mailbox.rows import read_id
from service.portal.session import Reader
from service.portal.state import portal

mailbox = Blueprint("mailbox", "service.portal.mailbox")


def reader() -> Reader:
    """Return who is signed in; only behind `@signed_in`."""
    found: Reader = g.reader
    return found


async def find(session: AsyncSession, text: str) -> Delivery:
    """Find the reader's delivery by the id in the address, or answer 404: the same for every reason."""
    delivery_id = read_id(text)
    delivery = await get_delivery(session, reader().recipient_id, delivery_id, g.now) if delivery_id else None
    if delivery is None:
        abort(404)
    return delivery


async def open_message(text: str) -> tuple[Opened, Content]:
    """Open one of the reader's messages, or answer 404. Raises Broken."""
    on = portal()
    async with on.db.reading() as session:
        delivery = await find(session, text)
        keys = await list_blobs(session, delivery.message_id)
    opened = open_delivery(on.ring, reader().key, delivery)
    return opened, Content.of(on.blobs, opened, keys)


async def side(session: AsyncSession, here: Folder, own: uuid.UUID | None = None) -> dict[str, Any]:
    """Return what the folders beside every page need; `own` is the reader's own folder that the page is in."""
    who = reader()
    counts = await count_all(session, who.recipient_id, g.now)
    named = await list_own(session, who.key, who.recipient_id, counts.own)
    here_own = next((one for one in named if one.id == own), None)
    return {"counts": counts.folders, "here": here, "Folder": Folder, "own_folders": named, "here_own": here_own}


async def side_of(session: AsyncSession, delivery: Delivery) -> dict[str, Any]:
    """Return the same for the page of a message."""
    own = delivery.own_folder_id if delivery.folder is not Folder.DELETED else None
    return await side(session, delivery.folder, own)
