"""The end of things: what is past its date becomes unreadable first, then disappears.

    what its sender is told of who did not read it; then
    keys of its deliveries, sealed sheet and excerpt, boxes for the mailer   one transaction: nothing opens any more
    sealed blobs in the store                                               one by one
    rows of blobs, the message                                              one transaction

Each step looks only at what the database says, so that a sweep may be killed anywhere and the next one goes on. Every
query of the portal asks for the date itself; this sweep is what makes the end true, not what makes it visible.
"""

import asyncio
import hashlib
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Exists, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.audit import record
from service.blobs import Blobs
from service.core.limits import KNOWN_DEVICE, RETENTION
from service.core.rules import AS_SHIPPED, Rules
from service.core.states import Letter, Outgoing
from service.db.engine import Database
from service.db.tables import Blob, Code, Delivery, Device, Message, Outbox, Rate, Recipient, Reset, Session
from service.errors import TryAgain
from service.letters.expired import list_unread, tell_expired, write_to_senders
from service.vault.ring import KeyRing

ACTOR = "retention"
BATCH = 100
ENDED = b""
"""The sheet of a message whose keys are gone and whose blobs are to go."""
DONE = (Outgoing.SENT, Outgoing.FAILED, Outgoing.NOT_NEEDED, Outgoing.UNSURE)
TO_STAFF = (Letter.REPLY, Letter.RECEIPT_SECURED, Letter.RECEIPT_READ)
CODES_KEPT = timedelta(days=1)
"""A proven code still carries the form that creates the account."""
LETTERS_KEPT = RETENTION
"""How long the help desk sees what became of a letter whose message is gone."""
ORPHANS_KEPT = timedelta(days=1)
"""A blob is written before its row: a long upload must not lose it."""


async def sweep(db: Database, ring: KeyRing, blobs: Blobs, now: datetime, rules: Rules = AS_SHIPPED) -> int:
    """End all that is past its date; return how many messages were deleted. `ring` is `sync`'s: it writes to senders.

    Run under a lease, as often as one likes. Raises TryAgain at its end where the store did not answer for all.
    """
    while await _end_keys(db, ring, now):
        pass
    deleted, failed = await _delete_ended(db, blobs, now)
    await _delete_small_things(db, rules, now)
    await _delete_orphans(db, blobs, now)
    if failed:
        raise TryAgain("some blobs could not be deleted yet")
    return deleted


async def _end_keys(db: Database, ring: KeyRing, now: datetime) -> int:
    """Make a batch of expired messages unreadable; return its size."""
    async with db.reading() as session:
        found = await _batch(session, now)
        unread = await list_unread(session, found)
    told = await asyncio.to_thread(write_to_senders, ring, unread)  # opening takes long, and a transaction holds up all
    async with db.writing() as session:
        messages = await _batch(session, now, among=[message.id for message in found])
        ids = [message.id for message in messages]
        waiting = set(await session.scalars(select(Message.id).where(Message.id.in_(ids), _reply_is_on_its_way())))
        for message in messages:
            digest = hashlib.sha256(message.sheet).hexdigest()
            verb = f"{message.kind}.expired_while_sent" if message.id in waiting else "message.expired"
            record(session, now, ACTOR, verb, message.id.hex, f"sealed sheet sha256 {digest}")
            if message.id in told:
                await tell_expired(session, ring, message.id, told[message.id], now)
        await session.execute(delete(Delivery).where(Delivery.message_id.in_(ids)))
        await _shred(session, [row_id for row_id in ids if row_id not in waiting])
    return len(ids)


async def _batch(session: AsyncSession, now: datetime, among: Sequence[uuid.UUID] | None = None) -> Sequence[Message]:
    """List a batch of messages to be ended; `among` those seen before, whose rows are taken hold of."""
    has_delivery = exists().where(Delivery.message_id == Message.id)
    query = (
        select(Message)
        .where(Message.expires_at <= now, or_(has_delivery, (Message.sheet != ENDED) & ~_reply_is_on_its_way()))
        .order_by(Message.expires_at)
        .limit(BATCH)
    )
    if among is not None:
        query = query.where(Message.id.in_(among)).with_for_update(skip_locked=True)
    return (await session.scalars(query)).all()


async def _shred(session: AsyncSession, ids: Iterable[uuid.UUID]) -> None:
    ids = list(ids)
    await session.execute(
        update(Message)
        .where(Message.id.in_(ids))
        .values(
            sheet=ENDED,
            sheet_signature=None,
            excerpt=ENDED,
            keys_mailer=None,
            late_key=None,
            sender_box=None,
            bcc_box=None,
            sender_admin=None,
            message_id_index=None,
            thread_index=None,
            sender_index=None,
            content_index=None,
        )
        .execution_options(synchronize_session=False)
    )
    # what nobody has begun to send is not sent any more; of the rest the copies at Graph are still to be deleted
    await session.execute(delete(Outbox).where(Outbox.message_id.in_(ids), Outbox.state == Outgoing.PENDING))
    await session.execute(
        update(Outbox)
        .where(Outbox.message_id.in_(ids))
        .values(payload=None)
        .execution_options(synchronize_session=False)
    )


async def _delete_ended(db: Database, blobs: Blobs, now: datetime) -> tuple[int, int]:
    """Delete blobs, then rows, of messages that nothing opens; return how many went and how many could not yet."""
    async with db.reading() as session:
        ids = (await session.scalars(select(Message.id).where(Message.expires_at <= now, Message.sheet == ENDED))).all()
    deleted = failed = 0
    for row_id in ids:
        async with db.reading() as session:
            keys = (await session.scalars(select(Blob.key).where(Blob.message_id == row_id))).all()
        try:
            for key in keys:
                await blobs.delete(key)
        except TryAgain:
            failed += 1
            continue
        async with db.writing() as session:
            await session.execute(delete(Blob).where(Blob.message_id == row_id, Blob.key.in_(keys)))
            gone = await session.scalar(delete(Message).where(Message.id == row_id).returning(Message.id))
            if gone is not None:
                record(session, now, ACTOR, "message.deleted", row_id.hex, f"{len(keys)} blobs")
                deleted += 1
    return deleted, failed


async def _delete_small_things(db: Database, rules: Rules, now: datetime) -> None:
    is_dead = or_(Session.seen_at <= now - rules.session_idle, Session.created_at <= now - rules.session_longest)
    async with db.writing() as session:
        await session.execute(delete(Session).where(is_dead))
        await session.execute(delete(Code).where(Code.expires_at <= now - CODES_KEPT))
        await session.execute(delete(Reset).where(Reset.expires_at <= now))
        await session.execute(delete(Device).where(Device.seen_at <= now - KNOWN_DEVICE))
        await session.execute(delete(Rate).where(Rate.tat < now.timestamp()))
        await session.execute(delete(Recipient).where(Recipient.ended_at <= now - LETTERS_KEPT))
        message_lives = exists().where(Message.id == Outbox.message_id)
        await session.execute(delete(Outbox).where(Outbox.done_at <= now - LETTERS_KEPT, ~message_lives))


async def _delete_orphans(db: Database, blobs: Blobs, now: datetime) -> None:
    """Delete sealed bytes that no row names: what a crash between blob and row left."""
    before = now - ORPHANS_KEPT
    await blobs.delete_leftovers(before)
    async for keys in blobs.list_keys(before):
        async with db.reading() as session:
            known = set(await session.scalars(select(Blob.key).where(Blob.key.in_(keys))))
        for key in keys:
            if key not in known:
                await blobs.delete(key)


def _reply_is_on_its_way() -> Exists:
    """Say that staff do not have yet what a person was told is "sent", or a receipt: it ends only after it arrived."""
    return exists().where(Outbox.message_id == Message.id, Outbox.letter.in_(TO_STAFF), Outbox.state.not_in(DONE))
