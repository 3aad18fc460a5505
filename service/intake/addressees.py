"""Whom a mail is for: what Exchange says and what the mail itself says, together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from service.core.addresses import BadAddress, InsideDomains, normal_form
from service.core.sheet import Person
from service.core.states import Envelope
from service.mime.index import Mail


@dataclass(frozen=True, slots=True)
class Addressees:
    """Addresses by their normal form."""

    outside: Mapping[str, Envelope]
    inside: tuple[str, ...]
    unusable: tuple[str, ...] = field(default=())
    """Spelt so that nobody can be reached by them; the sender is told."""


def addressees(
    mail: Mail, exchange_to: Iterable[Person], exchange_cc: Iterable[Person], inside: InsideDomains
) -> Addressees:
    """Unite both lists: a header that cannot be read never shrinks the list."""
    outside: dict[str, Envelope] = {}
    within: dict[str, None] = {}
    unusable: dict[str, None] = {}
    for envelope, people in (
        (Envelope.TO, (*exchange_to, *mail.to)),
        (Envelope.CC, (*exchange_cc, *mail.cc)),
    ):
        for person in people:
            try:
                address = normal_form(person.address)
            except BadAddress:
                if "@" in person.address:
                    unusable.setdefault(person.address)
                continue
            if inside.holds(address):
                within.setdefault(address)
            else:
                outside.setdefault(address, envelope)
    return Addressees(outside, tuple(within), tuple(unusable))
