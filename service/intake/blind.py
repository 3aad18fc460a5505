"""Blind copies: recipients that Exchange told us of later. A recipient never learns of one, only the sender does."""

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.addresses import BadAddress, normal_form
from service.core.limits import BCC_AGAIN
from service.core.sheet import Sheet
from service.core.states import Bcc, Envelope, NotDelivered
from service.db.engine import Database
from service.db.tables import Delivery, Message, Recipient
from service.intake.addressees import Addressees
from service.intake.deliver import deliver, prepare_recipients
from service.intake.facts import Rules
from service.intake.receipts import tell_not_delivered, tell_secured
from service.intake.store import late_content_key
from service.letters.opened import blind_copies, message_keys, message_sheet, staff_sender
from service.recipients import mailing_address
from service.vault.box import seal_box
from service.vault.ring import KeyRing


def listed(sheet: Sheet, rules: Rules) -> Addressees:
    """Sort the sheet's To and Cc; what cannot be read was told of at intake."""
    outside: dict[str, Envelope] = {}
    inside: dict[str, None] = {}
    for envelope, people in ((Envelope.TO, sheet.to), (Envelope.CC, sheet.cc)):
        for person in people:
            try:
                address = normal_form(person.address)
            except BadAddress:
                continue
            if rules.inside.holds(address):
                inside.setdefault(address)
            else:
                outside.setdefault(address, envelope)
    return Addressees(outside, tuple(address for address in inside if address not in rules.own))


async def holders(db: Database, ring: KeyRing, message: Message) -> set[str]:
    """List the addresses that have the message, in their normal form."""
    async with db.reading() as session:
        rows = await session.scalars(
            select(Recipient)
            .join(Delivery, Delivery.recipient_id == Recipient.id)
            .where(Delivery.message_id == message.id)
        )
        return {normal_form(mailing_address(ring, row)) for row in rows}


async def add_blind_copies(
    db: Database, ring: KeyRing, message: Message, blind: Iterable[str], outcome: Bcc, rules: Rules, now: datetime
) -> None:
    """Give the message to blind copies and end the waiting: receipt, or what could not be read.

    `outcome` is KNOWN or UNREADABLE. Whoever comes second changes nothing.
    """
    sheet = message_sheet(ring, message)
    addressed = dict.fromkeys(dict.fromkeys(blind), Envelope.BCC)
    prepared = await prepare_recipients(db, ring, addressed, now)
    async with db.writing() as session:
        kept = await session.get(Message, message.id, with_for_update=True)
        if kept is None or kept.bcc is not Bcc.WAITING:
            return
        if addressed:
            keys = (late_content_key(ring, kept), message_keys(ring, kept).sheet)
            await deliver(session, ring, kept, keys, addressed, prepared, rules, now)
            kept.bcc_box = seal_box(ring, "mailer", f"messages/{kept.id.hex}/bcc", json.dumps([*addressed]).encode())
        kept.bcc = outcome
        kept.bcc_deadline = _next_look(kept, now) if outcome is Bcc.KNOWN else None
        has_readers = await session.scalar(select(Delivery.id).where(Delivery.message_id == kept.id).limit(1))
        if has_readers is None:
            kept.expires_at = now  # nobody can ever read it: retention ends it
        if not sheet.automatic:
            await _tell_sender(session, ring, kept, sheet, rules, now, has_readers=has_readers is not None)


async def _tell_sender(
    session: AsyncSession, ring: KeyRing, kept: Message, sheet: Sheet, rules: Rules, now: datetime, *, has_readers: bool
) -> None:
    """Queue the receipt, or why there is none, once the blind copies are known or given up."""
    who, reasons = listed(sheet, rules), []
    if has_readers:
        await tell_secured(session, ring, kept.id, who.inside, now)
    elif kept.bcc is Bcc.KNOWN:
        reasons.append(NotDelivered.NOBODY_OUTSIDE)
    if kept.bcc is Bcc.UNREADABLE:
        reasons.append(NotDelivered.BCC_UNREADABLE)
    for reason in reasons:
        await tell_not_delivered(
            session,
            ring,
            reason,
            kept.id,
            staff_sender(ring, kept),
            now,
            subject=sheet.subject,
            recipients=tuple(who.outside),
            sent_at=sheet.sent_at,
            message_id=kept.id,
        )


def all_told(ring: KeyRing, message: Message, rules: Rules) -> set[str]:
    """Return whom outside the message went to already, whoever of them has closed their account since."""
    return {*listed(message_sheet(ring, message), rules).outside, *blind_copies(ring, message)}


async def add_late_copies(
    db: Database, ring: KeyRing, message: Message, late: Iterable[str], rules: Rules, now: datetime
) -> bool:
    """Give the message to blind copies that the trace named after the sender's receipt went out: who gets another.

    Say whether any were added. Whoever comes second changes nothing.
    """
    addressed = dict.fromkeys(late, Envelope.BCC)
    prepared = await prepare_recipients(db, ring, addressed, now)
    async with db.writing() as session:
        kept = await session.get(Message, message.id, with_for_update=True)
        if kept is None or kept.bcc_deadline is None or kept.bcc_deadline != message.bcc_deadline:
            return False
        kept.bcc_deadline = _next_look(kept, now)
        if not addressed or kept.late_key is None or kept.expires_at <= now:
            return False
        keys, known = (late_content_key(ring, kept), message_keys(ring, kept).sheet), blind_copies(ring, kept)
        await deliver(session, ring, kept, keys, addressed, prepared, rules, now)
        blind = [*known, *addressed]
        kept.bcc_box = seal_box(ring, "mailer", f"messages/{kept.id.hex}/bcc", json.dumps(blind).encode())
        sheet = message_sheet(ring, kept)
        if not sheet.automatic:
            await tell_secured(session, ring, kept.id, listed(sheet, rules).inside, now, late=len(blind))
        return True


def _next_look(message: Message, now: datetime) -> datetime | None:
    return next((message.received_at + after for after in BCC_AGAIN if message.received_at + after > now), None)
