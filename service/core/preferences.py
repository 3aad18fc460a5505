"""What a reader chose about pages and letters. Kept as JSON of what differs from how it is shipped."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

ROWS = (25, 50, 100)
Dates = Literal["", "iso"]


@dataclass(frozen=True, slots=True)
class Preferences:
    """Choices with their shipped values; language, zone and theme are columns of the account."""

    rows: int = 50
    """Messages on a page: one of ROWS."""
    compact: bool = False
    dates: Dates = ""
    """Empty: as the language writes them; `iso`: 2026-09-22 14:41."""
    remote_pictures: bool = False
    """Load pictures from other sites in every message."""
    plain_first: bool = False
    shortcuts: bool = False
    """Single-key shortcuts, off until chosen (WCAG 2.1.4)."""
    remind_unread: bool = True
    remind_ending: bool = True
    tell_new_device: bool = True


SHIPPED = Preferences()


def read_preferences(stored: str | None) -> Preferences:
    """Read what is stored; a value that this release does not know counts as shipped."""
    try:
        told = json.loads(stored) if stored else {}
    except (ValueError, RecursionError):
        return SHIPPED
    if not isinstance(told, dict):
        return SHIPPED
    known: dict[str, Any] = {}
    for field in fields(Preferences):
        value = told.get(field.name)
        if type(value) is not type(getattr(SHIPPED, field.name)):
            continue
        if (field.name == "rows" and value not in ROWS) or (field.name == "dates" and value not in {"", "iso"}):
            continue
        known[field.name] = value
    return Preferences(**known)


def write_preferences(preferences: Preferences) -> str | None:
    """Return what is stored: nothing where all is as shipped."""
    shipped = asdict(SHIPPED)
    told = {name: value for name, value in asdict(preferences).items() if value != shipped[name]}
    return json.dumps(told, separators=(",", ":")) if told else None
