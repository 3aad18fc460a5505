"""The words and details of receipts to staff, in English; pure, so that each can be read beside its golden file."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from service.core.addresses import form_of, normal_form
from service.core.limits import BCC_WITHIN
from service.core.references import shown
from service.core.sheet import Person, Role, Sheet
from service.core.states import Bcc, NotDelivered
from service.core.text import one_line
from service.letters import formats
from service.letters.branding import Branding

Details = list[tuple[str, list[str]]]
"""Labels, each with its values, one below the other."""


def secured_details(
    sheet: Sheet, bcc: Bcc, blind: Iterable[str], expires_at: datetime, reference: str, brand: Branding
) -> Details:
    """Write the block of *Secure Message Sent*."""
    files = [part for part in sheet.parts if part.role is Role.ATTACHMENT]
    return [
        ("TO", _people(sheet.to)),
        ("CC", _people(sheet.cc)),
        ("BCC", _blind(bcc, list(blind), brand)),
        ("SUBJECT", [one_line(sheet.subject) or "(none)"]),
        ("ATTACHMENTS", [f"{one_line(part.name)} ({formats.size(part.size)})" for part in files] or ["none"]),
        ("SENT", [formats.stamp(sheet.sent_at, brand.zone)]),
        ("ONLINE UNTIL", [formats.stamp(expires_at, brand.zone)]),
        ("REFERENCE", [shown(reference)]),
    ]


def read_values(
    sheet: Sheet, readers: Sequence[tuple[str, datetime]], reference: str, brand: Branding
) -> dict[str, Any]:
    """Write *Secure Message Read*, of one reader or of all of an hour."""
    stamps = [(address, formats.stamp(at, brand.zone)) for address, at in readers]
    read = [("READ", [stamps[0][1]])] if len(stamps) == 1 else []
    return {
        "reader": name_on(sheet, readers[0][0]) if len(readers) == 1 else f"{len(readers)} people",
        "read_at": stamps[0][1] if len(stamps) == 1 else "",
        "readers": [f"{shown_on(sheet, address)}, {at}" for address, at in stamps] if len(stamps) > 1 else [],
        "details": [
            ("SUBJECT", [one_line(sheet.subject) or "(none)"]),
            ("SENT", [formats.stamp(sheet.sent_at, brand.zone)]),
            *read,
            ("REFERENCE", [shown(reference)]),
        ],
    }


def shown_on(sheet: Sheet, address: str) -> str:
    """Return an address with the name that the sender's own mail gave it."""
    name = name_on(sheet, address)
    return name if name == address else f"{name} <{one_line(address, 254)}>"


def name_on(sheet: Sheet, address: str) -> str:
    """Return the name that the sender's own mail gave an address, else the address."""
    wanted = normal_form(address)
    for person in (*sheet.to, *sheet.cc):
        if form_of(person.address) == wanted:
            return formats.shown_name(person)
    return one_line(address, 254)


def not_delivered_values(told: dict[str, Any], reference: str, brand: Branding) -> dict[str, Any]:
    """Write why a message did not get through, and what to do now. `told` is the row's payload."""
    reason = NotDelivered(told["reason"])
    size, over_by = int(told.get("size") or 0), int(told.get("over_by") or 0)
    recipients = [one_line(address, 254) for address in told.get("recipients") or ()]
    why, now, happened = _WORDS[reason]
    words = {
        "limit": formats.size(size - over_by),
        "over": formats.size(over_by),
        "size": formats.size(size),
        "who": ", ".join(recipients) or "a recipient",
        "minutes": int(BCC_WITHIN.total_seconds() // 60),
        "portal": brand.public_place,
    }
    details: Details = [
        ("TO", recipients or ["none"]),
        ("SUBJECT", [one_line(str(told.get("subject") or "")) or "(none)"]),
    ]
    if told.get("sent_at"):
        details.append(("SENT", [formats.stamp(datetime.fromisoformat(told["sent_at"]), brand.zone)]))
    if size:
        details.append(("SIZE", [formats.size(size)]))
    if reference:
        details.append(("REFERENCE", [shown(reference)]))
    return {
        "why": why.format(**words),
        "what_now": now.format(**words),
        "what_happened": happened.format(**words),
        "details": details,
    }


def expired_values(told: dict[str, Any], brand: Branding) -> dict[str, Any]:
    """Write who did not read a message before its date. `told` is the row's payload: the message itself is gone."""
    unread = [one_line(str(who), 360) for who in told["unread"]]
    day = formats.day(datetime.fromisoformat(told["expired_at"]), brand.zone)
    who = unread[0] if len(unread) == 1 else f"{len(unread)} recipients"
    return {
        "what_now": "If it still matters, send it again with [secure] in its subject, or call.",
        "what_happened": (
            f"{who} did not read your secure message by {day}. "
            "It was deleted for good, and cannot be read any more. Your own copy is in your Sent Items."
        ),
        "details": [
            ("NOT READ BY", unread),
            ("SUBJECT", [one_line(str(told["subject"])) or "(none)"]),
            ("SENT", [formats.stamp(datetime.fromisoformat(told["sent_at"]), brand.zone)]),
            ("ONLINE UNTIL", [formats.stamp(datetime.fromisoformat(told["expired_at"]), brand.zone)]),
            ("REFERENCE", [shown(told["reference"])]),
        ],
    }


_WORDS = {
    NotDelivered.TOO_BIG: (
        "over {limit}",
        "Make it smaller by {over} or more, or send it in two messages, each with [secure] in its subject.",
        (
            "With its files your message is {size}. One secure message holds {limit}, so this is {over} too much. "
            "Nothing was sent to anybody outside, neither secured nor in clear."
        ),
    ),
    NotDelivered.NOBODY_OUTSIDE: (
        "no outside recipient",
        "Send it again without [secure], or with an address outside the state in To or Cc.",
        (
            "We found nobody outside the state on your message. People inside get your mail from Exchange as usual; "
            "only mail to people outside is secured here."
        ),
    ),
    NotDelivered.BCC_UNREADABLE: (
        "Bcc could not be read",
        (
            "If you had people in Bcc, send it to them again, in a message of its own with [secure] in its subject. "
            "If you had nobody in Bcc, there is nothing to do."
        ),
        (
            "Your message is secured, and everyone outside in To and Cc gets a notice. Exchange did not tell us within "
            "{minutes} minutes whom you had in Bcc, so nobody in Bcc gets one."
        ),
    ),
    NotDelivered.BOUNCED: (
        "{who} could not be reached",
        "Check the address, then send your message again with [secure] in its subject.",
        (
            "The notice to {who} came back: the mailbox did not take it. Your message waits on {portal}, but they do "
            "not know of it."
        ),
    ),
}
"""Reason → why (for the subject), what to do now, what happened."""


def _people(people: Iterable[Person]) -> list[str]:
    return [one_line(person.address, 254) for person in people] or ["none"]


def _blind(bcc: Bcc, blind: list[str], brand: Branding) -> list[str]:
    if bcc is not Bcc.KNOWN:
        return [*(one_line(address, 254) for address in blind), "could not be read"]
    if blind or brand.bcc_is_looked_up:
        return [one_line(address, 254) for address in blind] or ["none"]
    return ["not listed: blind copies are not looked up here"]
