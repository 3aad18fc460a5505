"""What somebody sets for themselves: name, hint, choices about pages and letters, language, zone, signature.

Each function changes the row inside the caller's transaction; what it is given was checked by who calls. What a thief
would change first is told to the owner by mail: the hint, and that they want no letter about new browsers.
"""

import json
import uuid
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.telling import tell
from service.core.browsers import Browser
from service.core.preferences import Preferences, read_preferences, write_preferences
from service.core.states import AccountLetter
from service.core.text import scrubbed_lines
from service.db.tables import Account, Recipient
from service.errors import Refused
from service.vault.box import seal_box
from service.vault.people import RecipientKey, seal_to_recipient
from service.vault.ring import KeyRing

SIGNATURE_CHARACTERS = 1000
THEMES = ("", "light", "dark")
"""Empty: as the device has it."""


async def set_name(session: AsyncSession, account_id: uuid.UUID, first: str, last: str) -> None:
    account, recipient = await _both(session, account_id)
    name = json.dumps({"first": first, "last": last}, ensure_ascii=False).encode()
    account.name = seal_to_recipient(recipient.public_key, f"name/{account_id.hex}", name)


async def set_hint(
    session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, hint: str, browser: Browser, now: datetime
) -> None:
    """Keep a hint, or none where it is empty; an owner who had none and keeps none is not told."""
    account, _ = await _both(session, account_id)
    if hint or account.hint is not None:
        await tell(session, ring, AccountLetter.HINT_CHANGED, account_id, browser, now)
    account.hint = seal_box(ring, "mailer", f"hint/{account_id.hex}", hint.encode()) if hint else None


async def set_choices(
    session: AsyncSession, ring: KeyRing, account_id: uuid.UUID, chosen: Preferences, browser: Browser, now: datetime
) -> None:
    account, _ = await _both(session, account_id)
    if read_preferences(account.preferences).tell_new_device and not chosen.tell_new_device:
        await tell(session, ring, AccountLetter.NEW_DEVICE_OFF, account_id, browser, now)
    account.preferences = write_preferences(chosen)


async def set_theme(session: AsyncSession, account_id: uuid.UUID, theme: str) -> None:
    account, _ = await _both(session, account_id)
    account.theme = theme


async def set_language(session: AsyncSession, account_id: uuid.UUID, language: str) -> None:
    account, _ = await _both(session, account_id)
    account.language = language


async def set_zone(session: AsyncSession, account_id: uuid.UUID, zone: str) -> None:
    account, _ = await _both(session, account_id)
    account.time_zone = zone


def tidy_signature(typed: str) -> str:
    """Return a signature as it is kept; it may be longer than allowed."""
    return scrubbed_lines(typed).strip("\n")


async def set_signature(session: AsyncSession, account_id: uuid.UUID, text: str) -> None:
    """Keep a tidy signature, or none where it is empty."""
    account, recipient = await _both(session, account_id)
    account.signature = (
        seal_to_recipient(recipient.public_key, f"signature/{account_id.hex}", text.encode()) if text else None
    )


async def read_signature(session: AsyncSession, key: RecipientKey, account_id: uuid.UUID) -> str:
    """Open what stands under what its owner writes; empty where there is none. Raises SealBroken."""
    account = await session.get(Account, account_id)
    return signature_of(key, account) if account is not None else ""


def signature_of(key: RecipientKey, account: Account) -> str:
    """Open the signature of a row in hand; empty where there is none. Raises SealBroken."""
    if account.signature is None:
        return ""
    return key.open(f"signature/{account.id.hex}", account.signature).decode("utf-8", "replace")


async def _both(session: AsyncSession, account_id: uuid.UUID) -> tuple[Account, Recipient]:
    """Raises Refused where the account went meanwhile."""
    account = await session.get(Account, account_id, with_for_update=True)
    recipient = await session.get(Recipient, account_id)
    if account is None or recipient is None:
        raise Refused
    return account, recipient
