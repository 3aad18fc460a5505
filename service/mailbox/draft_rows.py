"""The rows of a draft: all of them written at once, or none."""

import uuid
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.limits import EXCERPT_CHARACTERS
from service.core.references import new_reference
from service.core.sheet import thread_root
from service.core.states import Envelope, Folder, MessageKind
from service.core.text import one_line
from service.db.tables import Blob, Delivery, Message
from service.mailbox.drafts import Changed, Draft, Stored
from service.mailbox.opening import own_proof
from service.vault.people import seal_keys_to_recipient
from service.vault.ring import KeyRing
from service.vault.stream import context, seal


async def list_stored(session: AsyncSession, message_id: uuid.UUID) -> dict[str, Stored]:
    """Return a message's blobs by name. The caller knows whose it is."""
    rows = await session.execute(select(Blob.name, Blob.key, Blob.sealed_bytes).where(Blob.message_id == message_id))
    return {name: Stored(key, length) for name, key, length in rows}


async def room_beside(session: AsyncSession, recipient_id: uuid.UUID, message_id: uuid.UUID | None, most: int) -> int:
    """Return how many of `most` bytes the writer's other drafts leave."""
    query = (
        select(func.coalesce(func.sum(Message.size), 0))
        .join(Delivery, Delivery.message_id == Message.id)
        .where(Delivery.recipient_id == recipient_id, Message.kind == MessageKind.DRAFT)
    )
    if message_id is not None:
        query = query.where(Message.id != message_id)
    return max(0, most - int(await session.scalar(query) or 0))


async def store_draft(
    session: AsyncSession,
    ring: KeyRing,
    draft: Draft,
    recipient_id: uuid.UUID,
    public_key: bytes,
    text: str | None,
    now: datetime,
) -> Message:
    """Write the rows, inside the caller's transaction; no text leaves the line of the list as it stands.

    Raises:
        Changed: another window changed, sent or discarded it since it was taken in hand.
    """
    place = draft.message_id.hex
    draft.sheet = replace(draft.sheet, size=draft.size)
    message = await _lock_message(session, ring, draft)
    message.received_at = now
    message.expires_at = draft.expires_at
    message.size = draft.size
    message.files = len(draft.files)
    message.sheet = seal(draft.sheet_key, context(place, "sheet"), draft.sheet.to_bytes())
    message.sheet_signature = own_proof(ring, message)
    if text is not None or draft.loaded is None:
        excerpt = one_line((text or "")[: 4 * EXCERPT_CHARACTERS])[:EXCERPT_CHARACTERS]
        message.excerpt = seal(draft.content_key, context(place, "excerpt"), excerpt.encode())
    try:
        await session.flush()
    except IntegrityError as exc:  # the same form, sent twice at once, on a database that lets both begin
        raise Changed from exc
    await _store_rows(session, draft, recipient_id, public_key, now)
    draft.loaded = message.sheet
    return message


async def discard(session: AsyncSession, draft: Draft, recipient_id: uuid.UUID) -> list[str]:
    """Delete a draft's rows, its keys with them; return the keys of the blobs to delete after the commit.

    Raises Changed where it is no draft any more.
    """
    message = await session.get(Message, draft.message_id, with_for_update=True)
    if message is None or message.kind is not MessageKind.DRAFT:
        raise Changed
    keys = list(await session.scalars(select(Blob.key).where(Blob.message_id == draft.message_id)))
    await session.execute(delete(Blob).where(Blob.message_id == draft.message_id))
    await session.execute(
        delete(Delivery).where(Delivery.message_id == draft.message_id, Delivery.recipient_id == recipient_id)
    )
    await session.execute(delete(Message).where(Message.id == draft.message_id))
    return keys


async def _lock_message(session: AsyncSession, ring: KeyRing, draft: Draft) -> Message:
    """Hold the draft's row as it was taken in hand, or begin it. Raises Changed."""
    message = await session.get(Message, draft.message_id, with_for_update=True)
    if draft.loaded is not None:
        if message is None or message.kind is not MessageKind.DRAFT or message.sheet != draft.loaded:
            raise Changed
        return message
    if message is not None:
        raise Changed
    root = thread_root(draft.sheet.references, "")
    message = Message(
        id=draft.message_id,
        kind=MessageKind.DRAFT,
        reference=new_reference(),
        expires_at=draft.expires_at,
        answers_id=draft.answers_id,
        thread_index=ring.digest("index", "thread", root) if root else None,
    )
    session.add(message)
    return message


async def _store_rows(
    session: AsyncSession, draft: Draft, recipient_id: uuid.UUID, public_key: bytes, now: datetime
) -> None:
    delivery = await session.get(Delivery, draft.delivery_id)
    if delivery is None:
        sealed = seal_keys_to_recipient(public_key, draft.message_id.hex, draft.content_key, draft.sheet_key)
        delivery = Delivery(
            id=draft.delivery_id,
            message_id=draft.message_id,
            recipient_id=recipient_id,
            envelope=Envelope.OWN,
            keys=sealed,
            folder=Folder.DRAFTS,
            expires_at=draft.expires_at,
            read_at=now,
        )
        session.add(delivery)
    delivery.folder = Folder.DRAFTS  # one that is worked on again leaves Deleted
    delivery.received_at = now
    delivery.expires_at = draft.expires_at
    keys = {stored.key for stored in draft.blobs.values()}
    await session.execute(delete(Blob).where(Blob.message_id == draft.message_id, Blob.key.not_in(keys)))
    known = set(await session.scalars(select(Blob.key).where(Blob.message_id == draft.message_id)))
    session.add_all(
        Blob(
            message_id=draft.message_id,
            name=name,
            key=stored.key,
            sealed_bytes=stored.sealed_bytes,
            created_at=now,
        )
        for name, stored in draft.blobs.items()
        if stored.key not in known
    )
    await session.flush()
