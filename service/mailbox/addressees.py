"""To whom a reply goes, and why somebody may not get it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.core.addresses import BadAddress, InsideDomains, normal_form
from service.core.rules import Rules
from service.core.sheet import Person, Sheet
from service.core.states import MessageKind
from service.mime.addresses import read_addresses

FIELD_CHARACTERS = 8192
"""What is read of a To or Cc field."""
_BETWEEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^",;\r\n]+|[,;\r\n]')
_SPECIAL = re.compile(r'[()<>@,;:\\".\[\]]')


class Why(StrEnum):
    """Why an address is refused."""

    UNREADABLE = "unreadable"
    OUTSIDE = "outside"
    OURS = "ours"
    """A mailbox that the service itself reads or sends from."""


@dataclass(frozen=True, slots=True)
class RefusedAddress:
    person: Person
    why: Why


@dataclass(frozen=True, slots=True)
class Answer:
    """Who gets a reply, and who of the original's people cannot."""

    to: tuple[Person, ...]
    cc: tuple[Person, ...] = ()
    left_out: tuple[Person, ...] = ()


def read_people(text: str) -> tuple[Person, ...]:
    """Read what somebody typed: commas, semicolons and new lines part the addresses; nothing typed is dropped."""
    pieces = [""]
    for token in _BETWEEN.findall(text[:FIELD_CHARACTERS]):
        if token in {",", ";", "\r", "\n"}:
            pieces.append("")
        else:
            pieces[-1] += token
    return tuple(person for piece in pieces if piece.strip() for person in _persons(piece.strip()))


def written(people: Iterable[Person]) -> str:
    """Write people so that `read_people` reads the same ones."""
    return ", ".join(_written(person) for person in people)


def check_people(people: Sequence[Person], inside: InsideDomains, ours: frozenset[str]) -> list[RefusedAddress]:
    """Refuse who may not get mail from the portal; `ours` are normal forms."""
    refused: list[RefusedAddress] = []
    for person in people:
        try:
            address = normal_form(person.address)
        except BadAddress:
            refused.append(RefusedAddress(person, Why.UNREADABLE))
            continue
        if not inside.holds(address):
            refused.append(RefusedAddress(person, Why.OUTSIDE))
        elif address in ours:
            refused.append(RefusedAddress(person, Why.OURS))
    return refused


def over_count(to: Sequence[Person], cc: Sequence[Person], rules: Rules) -> int:
    """Return by how many a reply has too many recipients."""
    return max(0, len(each_once((*to, *cc))) - rules.reply_recipients)


def each_once(people: Iterable[Person], but: Iterable[Person] = ()) -> tuple[Person, ...]:
    """Keep the first of those who share an address, and none who stands in `but`."""
    seen = {_key(person) for person in but}
    kept: list[Person] = []
    for person in people:
        if _key(person) not in seen:
            seen.add(_key(person))
            kept.append(person)
    return tuple(kept)


def answer_to(sheet: Sheet, kind: MessageKind, me: Person, inside: InsideDomains, *, everyone: bool) -> Answer:
    """Find who gets an answer: the sender (or whom they named for it), for everyone To and Cc as well.

    To one's own reply, those who got it.
    """
    if kind is not MessageKind.RECEIVED:
        return Answer(each_once(sheet.to, (me,)), each_once(sheet.cc, (me, *sheet.to)) if everyone else ())
    named = tuple(person for person in sheet.reply_to if inside.holds(person.address))
    to = named or (sheet.sender,)
    if not everyone:
        return Answer(each_once(to))
    others = each_once((*sheet.to, *sheet.cc), (me, *to, sheet.sender))
    if named:
        to = (*named, sheet.sender)
    cc_keys = {_key(person) for person in sheet.cc} - {_key(person) for person in sheet.to}
    welcome = [person for person in others if inside.holds(person.address)]
    return Answer(
        each_once((*to, *(person for person in welcome if _key(person) not in cc_keys))),
        tuple(person for person in welcome if _key(person) in cc_keys),
        tuple(person for person in others if not inside.holds(person.address)),
    )


def _persons(piece: str) -> list[Person]:
    words = piece.split()
    if "<" not in piece and all("@" in word for word in words):
        return [Person("", word) for word in words]  # blanks part bare addresses too
    found = read_addresses(piece)
    return found if len(found) == 1 and ("<" in piece or "@" not in found[0].name) else [Person("", piece)]


def _written(person: Person) -> str:
    if not person.name or "@" not in person.address:
        return person.address
    name = person.name
    if _SPECIAL.search(name):
        name = '"' + name.replace("\\", "").replace('"', "'") + '"'
    return f"{name} <{person.address}>"


def _key(person: Person) -> str:
    try:
        return normal_form(person.address)
    except BadAddress:
        return person.address.strip().casefold()
