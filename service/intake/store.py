"""Keep a sealed mail: one transaction makes the message, its deliveries and letters, and settles the arrival."""

import hashlib
import json
import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.limits import BCC_WITHIN, EXCERPT_CHARACTERS, JOIN_WITHIN
from service.core.references import new_reference
from service.core.sheet import Person, Role, Sheet, thread_root
from service.core.states import Arrival as State
from service.core.states import Bcc, MessageKind, NotDelivered
from service.core.text import one_line
from service.db.arrivals import settle_arrival
from service.db.engine import Database
from service.db.locks import lock
from service.db.tables import Arrival, Blob, Message
from service.errors import TryAgain
from service.intake.addressees import Addressees, addressees
from service.intake.deliver import Prepared, deliver, prepare_recipients
from service.intake.facts import Facts, Rules, SealedMail
from service.intake.receipts import tell_not_delivered, tell_secured
from service.intake.sealing import SOURCE
from service.letters.opened import message_keys
from service.mime.index import Mail
from service.recipients import address_index
from service.vault.box import open_box, seal_box
from service.vault.ring import KeyRing
from service.vault.stream import context, seal
from service.vault.types import DataKey


class ClaimLost(Exception):
    """Another worker took the arrival over: nothing of this attempt was committed."""


async def keep(
    db: Database,
    ring: KeyRing,
    arrival: Arrival,
    message_id: uuid.UUID,
    sealed: SealedMail,
    facts: Facts,
    rules: Rules,
    now: datetime,
) -> State:
    """Keep a mail whose blob is written; return what became of its arrival. Only SEALED keeps the blob.

    Raises:
        ClaimLost: and TryAgain: nothing was committed.
    """
    who = addressees(sealed.mail, facts.to, facts.cc, rules.inside)
    sender = facts.from_ or sealed.mail.from_[0]
    message = _message(ring, message_id, sealed, facts, sender, rules, now)
    prepared = await prepare_recipients(db, ring, who.outside, now)
    try:
        async with db.writing() as session:
            await lock(session, message.message_id_index or b"")
            if first := await _first_copy(session, message):
                return await _join(session, ring, arrival, first, who, prepared, rules, now)
            if not who.outside and not rules.bcc_is_traced:
                await _settle(session, arrival, State.RETURNED, now, reason=NotDelivered.NOBODY_OUTSIDE)
                await _tell(session, ring, NotDelivered.NOBODY_OUTSIDE, arrival.id, sealed.mail, facts, who, now)
                return State.RETURNED
            await _add(session, ring, message, sealed, who, prepared, rules, now)
            await _settle(session, arrival, State.SEALED, now, message_id=message.id)
            if not sealed.mail.automatic:
                if message.bcc is Bcc.KNOWN:
                    await tell_secured(session, ring, message.id, shown_inside(who.inside, rules), now)
                if who.unusable:
                    await _tell(session, ring, NotDelivered.BOUNCED, message.id, sealed.mail, facts, who, now)
            return State.SEALED
    except IntegrityError as exc:  # the same new recipient, or the same reference, in two transactions at once
        raise TryAgain("two workers made the same row") from exc


async def return_too_big(
    db: Database,
    ring: KeyRing,
    arrival: Arrival,
    mail: Mail | None,
    facts: Facts,
    rules: Rules,
    over_by: int,
    now: datetime,
) -> None:
    """Keep nothing, tell the sender by how much. Raises ClaimLost."""
    async with db.writing() as session:
        await _settle(session, arrival, State.RETURNED, now, reason=NotDelivered.TOO_BIG)
        if mail is not None:
            who = addressees(mail, facts.to, facts.cc, rules.inside)
            await _tell(
                session, ring, NotDelivered.TOO_BIG, arrival.id, mail, facts, who, now, over_by=over_by, size=mail.size
            )


def shown_inside(inside: tuple[str, ...], rules: Rules) -> list[str]:
    return [address for address in inside if address not in rules.own]


async def _add(
    session: AsyncSession,
    ring: KeyRing,
    message: Message,
    sealed: SealedMail,
    who: Addressees,
    prepared: Prepared,
    rules: Rules,
    now: datetime,
) -> None:
    session.add(message)
    await session.flush()
    session.add(
        Blob(
            id=uuid.uuid4(),
            message_id=message.id,
            name=SOURCE,
            key=sealed.blob_key,
            sealed_bytes=sealed.sealed_bytes,
            created_at=now,
        )
    )
    await deliver(session, ring, message, (sealed.content_key, sealed.sheet_key), who.outside, prepared, rules, now)


async def _first_copy(session: AsyncSession, message: Message) -> Message | None:
    """Find the message that this is a copy of: same Message-ID, sender and content. The id alone is never a key.

    The content's digest takes in Exchange's own id, which all copies of one mail share and two sendings never do, so
    that a program which sends the same words under the same Message-ID each hour is heard each hour.
    """
    found: Message | None = await session.scalar(
        select(Message)
        .where(
            Message.message_id_index == message.message_id_index,
            Message.sender_index == message.sender_index,
            Message.content_index == message.content_index,
            Message.kind == MessageKind.RECEIVED,
            Message.received_at > message.received_at - JOIN_WITHIN,
            Message.late_key.is_not(None),
        )
        .order_by(Message.received_at)
        .limit(1)
    )
    return found


async def _join(
    session: AsyncSession,
    ring: KeyRing,
    arrival: Arrival,
    first: Message,
    who: Addressees,
    prepared: Prepared,
    rules: Rules,
    now: datetime,
) -> State:
    keys = (late_content_key(ring, first), message_keys(ring, first).sheet)
    await deliver(session, ring, first, keys, who.outside, prepared, rules, now)
    await _settle(session, arrival, State.JOINED, now, message_id=first.id)
    return State.JOINED


def late_content_key(ring: KeyRing, message: Message) -> DataKey:
    """Open the content key of a message that is young enough to be given to more people. Raises SealBroken."""
    return DataKey(open_box(ring, f"messages/{message.id.hex}/late", message.late_key or b""))


async def _settle(session: AsyncSession, arrival: Arrival, state: State, now: datetime, **more: object) -> None:
    reason, message_id = str(more.get("reason", "")), more.get("message_id")
    kept = message_id if isinstance(message_id, uuid.UUID) else None
    if not await settle_arrival(session, arrival, state, now, reason=reason, message_id=kept):
        raise ClaimLost


async def _tell(
    session: AsyncSession,
    ring: KeyRing,
    reason: NotDelivered,
    about: uuid.UUID,
    mail: Mail,
    facts: Facts,
    who: Addressees,
    now: datetime,
    **sizes: int,
) -> None:
    if mail.automatic:
        return  # RFC 3834 §2: an automatic answer is not answered
    recipients = who.unusable if reason is NotDelivered.BOUNCED else (*who.outside, *who.unusable)
    await tell_not_delivered(
        session,
        ring,
        reason,
        about,
        facts.from_ or mail.from_[0],
        now,
        subject=mail.subject,
        recipients=recipients,
        sent_at=mail.date or facts.received_at,
        message_id=about if reason is NotDelivered.BOUNCED else None,
        **sizes,
    )


def _message(
    ring: KeyRing, message_id: uuid.UUID, sealed: SealedMail, facts: Facts, sender: Person, rules: Rules, now: datetime
) -> Message:
    mail, place = sealed.mail, f"messages/{message_id.hex}"
    received_at = min(facts.received_at, now)
    sheet = seal(
        sealed.sheet_key, context(message_id.hex, "sheet"), _sheet(mail, facts, sender, received_at).to_bytes()
    )
    excerpt = one_line(mail.text, EXCERPT_CHARACTERS).encode("utf-8", "replace")
    who = json.dumps({"name": sender.name, "address": sender.address}).encode()
    root = thread_root(mail.references, mail.message_id or facts.internet_message_id)
    return Message(
        id=message_id,
        kind=MessageKind.RECEIVED,
        reference=new_reference(),
        received_at=received_at,
        expires_at=received_at + rules.retention,
        size=mail.size,
        files=sum(part.role is Role.ATTACHMENT for part in mail.parts),
        sheet=sheet,
        sheet_signature=ring.sign(b"sheet\0" + message_id.bytes + hashlib.sha256(sheet).digest()),
        excerpt=seal(sealed.content_key, context(message_id.hex, "excerpt"), excerpt),
        keys_mailer=seal_box(ring, "mailer", f"{place}/keys", sealed.sheet_key),
        late_key=seal_box(ring, "mailer", f"{place}/late", sealed.content_key),
        sender_box=seal_box(ring, "mailer", f"{place}/sender", who),
        sender_admin=seal_box(ring, "admin", f"{place}/sender", sender.address.encode()),
        message_id_index=ring.digest(
            "index", "message-id", facts.internet_message_id or mail.message_id or message_id.hex
        ),
        thread_index=ring.digest("index", "thread", root) if root else None,
        sender_index=address_index(ring, sender.address),
        content_index=ring.digest("index", "content", f"{mail.content_digest.hex()}/{facts.trace_id}"),
        bcc=Bcc.WAITING if rules.bcc_is_traced else Bcc.KNOWN,
        bcc_deadline=now + BCC_WITHIN if rules.bcc_is_traced else None,
    )


def _sheet(mail: Mail, facts: Facts, sender: Person, received_at: datetime) -> Sheet:
    """Make the summary. Lists are the mail's own words; Exchange's stand in where the mail has none to be read."""
    return Sheet(
        subject=mail.subject,
        sender=sender,
        sent_at=mail.date or received_at,
        to=mail.to or (() if mail.cc else facts.to),
        cc=mail.cc or (() if mail.to else facts.cc),
        reply_to=mail.reply_to,
        message_id=facts.internet_message_id or mail.message_id,
        references=mail.references,
        parts=mail.parts,
        size=mail.size,
        source_length=mail.length,
        automatic=mail.automatic,
        notes=mail.notes,
        trace_id=facts.trace_id,
    )
