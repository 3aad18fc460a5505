"""What a notice and its reminders tell: who wrote, until when, the one way in."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from service.core.preferences import read_preferences
from service.core.references import shown
from service.core.sheet import Person, Role, Sheet
from service.core.states import AccountState
from service.core.text import one_line
from service.db.tables import Account, Delivery, Message, Outbox
from service.letters import formats
from service.letters.branding import Branding


class Known(StrEnum):
    """What is known of whom a notice goes to: it says how they come in."""

    NOBODY = "nobody"
    ACCOUNT = "account"
    DISABLED = "disabled"
    GUEST = "guest"


def is_wanted(row: Outbox, delivery: Delivery, account: Account | None) -> bool:
    """Say whether a reminder still has something to say: unread, unanswered, and its reader lets us."""
    if delivery.read_at is not None or delivery.answered_at is not None:
        return False
    wishes = read_preferences(account.preferences if account else None)
    return wishes.remind_ending if row.once.startswith("remind/ending/") else wishes.remind_unread


def notice_values(
    message: Message, sheet: Sheet, account: Account | None, token: str, brand: Branding, now: datetime
) -> dict[str, Any]:
    """Return what the templates are given."""
    files = [part.size for part in sheet.parts if part.role is Role.ATTACHMENT]
    return {
        "brand": brand,
        "sender": formats.shown_name(sheet.sender),
        "first_name": formats.first_name(sheet.sender),
        "subject": None if brand.hide_subjects else one_line(sheet.subject) or "-",
        "reference": shown(message.reference),
        "link": f"{brand.public_url}/d/{token}",
        "known": _known(account).value,
        **_from_lines(sheet.sender),
        "files": {language: formats.files(len(files), sum(files), language) for language in formats.LOCALES},
        "until": _until(message.expires_at, brand),
        "sent": {language: formats.day(message.received_at, brand.zone, language) for language in formats.LOCALES},
        "left": {language: formats.left(message.expires_at - now, language) for language in formats.LOCALES},
    }


def _known(account: Account | None) -> Known:
    if account is None:
        return Known.NOBODY
    return {AccountState.DISABLED: Known.DISABLED, AccountState.GUEST: Known.GUEST}.get(account.state, Known.ACCOUNT)


def _until(expires_at: datetime, brand: Branding) -> dict[str, dict[str, str]]:
    return {
        language: {
            "day": formats.day(expires_at, brand.zone, language),
            "hour": formats.hour(expires_at, brand.zone, language),
        }
        for language in formats.LOCALES
    }


def _from_lines(sender: Person) -> dict[str, Any]:
    name, address = one_line(sender.name, 100), one_line(sender.address, 254)
    lines: Sequence[str] = [name, address] if name and name != address else [address]
    return {"from_lines": lines, "from_line": ", ".join(lines)}
