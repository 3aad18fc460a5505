"""What the forms that set a password have in common: whose it is, its hint, and what is wrong with it."""

import json
from collections.abc import Mapping

from service.accounts.passwords import Fault, Person, hint_faults, password_faults
from service.core.text import one_line
from service.db.tables import Account, Recipient
from service.portal.doors import words
from service.portal.state import portal
from service.recipients import own_address, unlock


async def person_of(account: Account, recipient: Recipient) -> Person:
    """Open whose account it is, for the rules and for the browser's list of passwords. Raises SealBroken."""
    ring = portal().ring
    key = await unlock(ring, recipient)
    name = json.loads(key.open(f"name/{account.id.hex}", account.name))
    return Person(own_address(ring, key, recipient), name["first"], name["last"])


def typed_hint(form: Mapping[str, str]) -> str:
    """Return the hint of a form; where there are none, none is taken."""
    return one_line(form.get("hint", "")) if portal().settings.has_hints else ""


async def new_password_errors(person: Person, account: Account, form: Mapping[str, str], hint: str) -> dict[str, str]:
    """Say in words what is to be fixed, by field, where the old password was not asked for."""
    typed, errors = form.get("password", ""), dict[str, str]()
    if faults := password_faults(typed, person, hint):
        errors["password"] = words.of_fault(faults[0], typed)
    elif await portal().hashing.is_password(typed, account.id, account.password):
        errors["password"] = words.of_fault(Fault.SAME_AGAIN, typed)
    return errors | other_errors(form, hint)


def other_errors(form: Mapping[str, str], hint: str) -> dict[str, str]:
    """Say what is wrong with the fields beside the password."""
    typed, errors = form.get("password", ""), dict[str, str]()
    if typed != form.get("confirm", ""):
        errors["confirm"] = words.of_fault(Fault.DIFFERENT, typed)
    if hints := hint_faults(hint, typed):
        errors["hint"] = words.of_fault(hints[0], typed)
    return errors
