"""Tell an account's owner by mail what happened to it; the letter goes to the address that the account has."""

import uuid
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.core.browsers import Browser
from service.core.states import AccountLetter, Letter
from service.letters.queue import queue_letter
from service.vault.ring import KeyRing


async def tell(
    session: AsyncSession,
    ring: KeyRing,
    kind: AccountLetter,
    account_id: uuid.UUID,
    browser: Browser,
    now: datetime,
    *,
    unlocks: bool = True,
    factor: str = "",
) -> None:
    """Queue a warning.

    Args:
        unlocks: whether a new password by a mailed link ends a lock.
        factor: which way of coming in was added or removed: `passkey` or `authenticator`.
    """
    await queue_letter(
        session,
        ring,
        Letter.ACCOUNT,
        f"account/{kind}/{uuid.uuid4().hex}",
        now,
        payload=told(kind, browser, unlocks=unlocks) | ({"factor": factor} if factor else {}),
        recipient_id=account_id,
    )


def told(kind: AccountLetter, browser: Browser, *, unlocks: bool) -> dict[str, object]:
    """Return what every account letter is given."""
    return {"kind": kind.value, "browser": browser.name, "system": browser.system, "unlocks": unlocks}
