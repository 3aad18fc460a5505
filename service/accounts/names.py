"""Names of people: letters, marks, blanks and a few signs, so that no name can pass for a line of ours."""

import unicodedata

from service.core.limits import NAME_CHARACTERS
from service.core.text import one_line

SIGNS = frozenset(" '\u2019.-")


def clean_name(name: str) -> str:
    """Return the name in the form in which it is kept."""
    return one_line(name, NAME_CHARACTERS + 1)


def is_name(name: str) -> bool:
    """Say whether a cleaned name can be kept."""
    return (
        0 < len(name) <= NAME_CHARACTERS
        and any(unicodedata.category(char).startswith("L") for char in name)
        and all(char in SIGNS or unicodedata.category(char)[0] in {"L", "M"} for char in name)
    )
