"""What account letters tell: hint, way to a new password, and warnings that something happened."""

from datetime import datetime
from typing import Any

from service.core.browsers import BROWSERS, SYSTEMS
from service.core.limits import FAILED_SIGN_INS, HINT_CHARACTERS, RESET_LIFE
from service.core.states import AccountLetter, AccountState
from service.core.text import one_line
from service.db.tables import Account, Outbox, Reset
from service.errors import Refused
from service.letters import formats
from service.letters.branding import Branding
from service.vault.box import open_box
from service.vault.ring import KeyRing
from service.vault.tokens import hash_token


def account_values(
    ring: KeyRing, row: Outbox, told: dict[str, Any], account: Account, reset: Reset | None, brand: Branding
) -> dict[str, Any]:
    """Return what the templates of an account letter are given. Raises SealBroken."""
    kind, language = AccountLetter(told["kind"]), "es" if account.language == "es" else "en"
    names = {name for _, name in (*BROWSERS, *SYSTEMS)}
    return {
        "brand": brand,
        "kind": kind.value,
        "state": account.state.value,
        "hint": _hint(ring, account) if kind is AccountLetter.HINT else "",
        "link": f"{brand.public_url}/reset/{told['token']}" if reset is not None else "",
        "unlocks": bool(told.get("unlocks")),
        "tries": FAILED_SIGN_INS,
        "minutes": int(RESET_LIFE.total_seconds() // 60),
        "day": formats.day(row.created_at, brand.zone, language),
        "hour": formats.hour(row.created_at, brand.zone, language),
        "browser": told["browser"] if told.get("browser") in names else "",
        "system": told["system"] if told.get("system") in names else "",
    }


def living_reset(told: dict[str, Any], account: Account, reset: Reset | None, now: datetime) -> Reset | None:
    """Find what a letter's link opens; None for letters without one, and for an account that is switched off.

    Raises:
        Refused: a newer link took its place, it was used, or its time is over.
    """
    if AccountLetter(told["kind"]) is not AccountLetter.RESET or account.state is AccountState.DISABLED:
        return None
    if reset is None or reset.expires_at <= now or reset.token_hash != hash_token(told["token"]):
        raise Refused("this link opens nothing any more")
    return reset


def _hint(ring: KeyRing, account: Account) -> str:
    if account.hint is None:
        return ""
    return one_line(open_box(ring, f"hint/{account.id.hex}", account.hint).decode(), HINT_CHARACTERS)
