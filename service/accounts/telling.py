"""Tell an account's owner by mail what happened to it; the letter goes to the address that the account has."""

import uuid
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.core.browsers import Browser
from service.core.rules import AS_SHIPPED, Rules
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
    rules: Rules = AS_SHIPPED,
    factor: str = "",
) -> None:
    """Queue a warning.

    Args:
        rules: what a letter about a lock says of it.
        factor: which way of coming in was added or removed: `passkey` or `authenticator`.
    """
    await queue_letter(
        session,
        ring,
        Letter.ACCOUNT,
        f"account/{kind}/{uuid.uuid4().hex}",
        now,
        payload=told(kind, browser, rules) | ({"factor": factor} if factor else {}),
        recipient_id=account_id,
    )


def told(kind: AccountLetter, browser: Browser, rules: Rules = AS_SHIPPED) -> dict[str, object]:
    """Return what every account letter is given."""
    return {
        "kind": kind.value,
        "browser": browser.name,
        "system": browser.system,
        "unlocks": rules.reset_unlocks,
        "tries": rules.failed_sign_ins,
    }
