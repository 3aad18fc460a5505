"""Rules for passwords and hints: pure, except for the clock given in."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from zxcvbn_rs_py import zxcvbn

from service.core.limits import HINT_CHARACTERS, PASSWORD_LONGEST, PASSWORD_SHORTEST
from service.core.rules import Rules

LONG = 16
"""From here on a strength of 3 of 4 is enough; below it zxcvbn gives 3 to guesses such as "Winter2026!!"."""
SHORTEST_WORD = 4
"""Shorter names and words are in half of all good passwords."""
LOCAL_WORDS = (
    "safemail", "secure", "message", "connecticut", "hartford", "bridgeport", "stamford", "waterbury", "newhaven",
    "norwalk", "danbury", "state", "portal", "contraseña", "clave", "segura", "mensaje", "secreto", "hola", "amor",
    "primavera", "verano", "otoño", "invierno",
)  # fmt: skip


class Fault(StrEnum):
    """Why a password or a hint is refused."""

    SHORT = "short"
    LONG = "long"
    GUESSABLE = "guessable"
    PERSONAL = "personal"
    LIKE_HINT = "like_hint"
    DIFFERENT = "different"
    SAME_AGAIN = "same_again"
    HINT_LONG = "hint_long"
    HINT_TELLS = "hint_tells"


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """Whose password it is to be: what must not be in it."""

    address: str
    first: str = ""
    last: str = ""

    @property
    def words(self) -> list[str]:
        local, _, domain = self.address.rpartition("@")
        pieces = [*self.first.split(), *self.last.split(), *_split(local), *domain.split(".")[:-1]]
        return [_folded(word) for word in (self.first, self.last, local, *pieces) if len(word) >= SHORTEST_WORD]


def normal(password: str) -> str:
    """Return the form that is counted and hashed: NFKC, so that every keyboard types the same."""
    return unicodedata.normalize("NFKC", password)


def password_faults(password: str, person: Person, hint: str = "") -> list[Fault]:
    """List every rule that a password breaks; the order is that of the rules on the page."""
    text = normal(password)
    if len(text) > PASSWORD_LONGEST:
        return [Fault.LONG]
    faults = []
    if len(text) < PASSWORD_SHORTEST:
        faults.append(Fault.SHORT)
    if not faults and not _is_hard_to_guess(text, [*person.words, *LOCAL_WORDS, *hint.split()]):
        faults.append(Fault.GUESSABLE)
    if any(word in _folded(text) for word in person.words):
        faults.append(Fault.PERSONAL)
    if text and _is_like(text, hint):
        faults.append(Fault.LIKE_HINT)
    return faults


def hint_faults(hint: str, password: str) -> list[Fault]:
    """A hint may not hold the password; a password in the hint is `LIKE_HINT` of the password."""
    if len(hint) > HINT_CHARACTERS:
        return [Fault.HINT_LONG]
    bare = _bare(normal(password))
    return [Fault.HINT_TELLS] if bare and bare in _bare(hint) else []


def must_change_password(password_at: datetime, now: datetime, rules: Rules) -> bool:
    """Say whether the password has served its time."""
    return rules.password_age is not None and now - password_at >= rules.password_age


def password_days(password_at: datetime, now: datetime, rules: Rules) -> int | None:
    """Return for how many whole days a password is still good; None where it never ends."""
    return max(0, (password_at + rules.password_age - now).days) if rules.password_age is not None else None


def _is_hard_to_guess(text: str, words: Iterable[str]) -> bool:
    strength = int(zxcvbn(text, list(words)).score)
    return strength >= (3 if len(text) >= LONG else 4)


def _is_like(password: str, hint: str) -> bool:
    """The hint stands in the password, or is it but for case and blanks."""
    bare = _bare(hint)
    return len(bare) >= SHORTEST_WORD and bare in _bare(password)


def _folded(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(char))


def _bare(text: str) -> str:
    return "".join(char for char in _folded(text) if char.isalnum())


def _split(local: str) -> list[str]:
    return [piece for piece in "".join(char if char.isalnum() else " " for char in local).split() if piece]
