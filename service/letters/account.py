"""What account letters tell: hint, way to a new password, and warnings that something happened."""

from datetime import datetime, timedelta
from typing import Any

from service.core.browsers import BROWSERS, SYSTEMS
from service.core.limits import FAILED_SIGN_INS, HINT_CHARACTERS
from service.core.states import AccountLetter, AccountState
from service.core.text import one_line
from service.db.tables import Account, Outbox, Reset
from service.errors import Refused
from service.letters import formats
from service.letters.branding import Branding
from service.vault.box import open_box
from service.vault.ring import KeyRing
from service.vault.tokens import hash_token

FACTORS = {"passkey", "authenticator", "recovery"}
"""What a letter may say was added or removed."""
SIGN_IN = {AccountLetter.ENDING_SOON, AccountLetter.REPLY_RETURNED}
"""Letters whose one link leads to the sign-in page."""


def account_values(
    ring: KeyRing, row: Outbox, told: dict[str, Any], account: Account | None, reset: Reset | None, brand: Branding
) -> dict[str, Any]:
    """Return what the templates of an account letter are given; a closed account is none. Raises SealBroken."""
    kind, language = AccountLetter(told["kind"]), letter_language(told, account)
    names = {name for _, name in (*BROWSERS, *SYSTEMS)}
    return {
        "brand": brand,
        "kind": kind.value,
        "state": account.state.value if account else "",
        "hint": _hint(ring, account) if account and kind is AccountLetter.HINT else "",
        "link": _link(kind, told, account, reset, brand),
        "unlocks": bool(told.get("unlocks")),
        "tries": told["tries"] if isinstance(told.get("tries"), int) else FAILED_SIGN_INS,
        "minutes": (reset.expires_at - reset.created_at) // timedelta(minutes=1) if reset is not None else 0,
        "day": formats.day(row.created_at, brand.zone, language),
        "hour": formats.hour(row.created_at, brand.zone, language),
        "off_on": _day(told.get("off_at"), brand, language),
        "ends_on": _day(told.get("ends_at"), brand, language),
        "address": one_line(str(told.get("address") or ""), 254),
        "factor": told["factor"] if told.get("factor") in FACTORS else "",
        "browser": told["browser"] if told.get("browser") in names else "",
        "system": told["system"] if told.get("system") in names else "",
    }


def letter_language(told: dict[str, Any], account: Account | None) -> str:
    wanted = account.language if account else told.get("language")
    return "es" if wanted == "es" else "en"


def is_still_so(told: dict[str, Any], account: Account) -> bool:
    """Say whether what a letter warns of is not over: who signed in meanwhile need not be told."""
    kind = AccountLetter(told["kind"])
    if kind is AccountLetter.ENDING_SOON:
        since = account.last_sign_in_at or account.created_at
        return (
            account.state is not AccountState.DISABLED and account.warned_at is not None and account.warned_at > since
        )
    return kind is not AccountLetter.DISABLED or account.state is AccountState.DISABLED


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


def _link(
    kind: AccountLetter, told: dict[str, Any], account: Account | None, reset: Reset | None, brand: Branding
) -> str:
    if kind in SIGN_IN:  # a guest has nothing to sign in with but a notice's link
        return "" if account and account.state is AccountState.GUEST else brand.sign_in_url
    return f"{brand.public_url}/reset/{told['token']}" if reset is not None else ""


def _day(told: str | None, brand: Branding, language: str) -> str:
    return formats.day(datetime.fromisoformat(told), brand.zone, language) if told else ""


def _hint(ring: KeyRing, account: Account) -> str:
    if account.hint is None:
        return ""
    return one_line(open_box(ring, f"hint/{account.id.hex}", account.hint).decode(), HINT_CHARACTERS)
