"""Open a session for somebody who proved who they are, whichever way: the last step of every way in."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.devices import add_device, get_device, refresh_device
from service.accounts.sessions import add_session
from service.core.browsers import Browser
from service.db.tables import Account, Device
from service.vault.ring import KeyRing
from service.vault.types import Token


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What stands in the cookies of who just came in."""

    session: Token
    device: Token | None
    """None where the browser has its cookie already."""


async def come_in(
    session: AsyncSession, ring: KeyRing, account: Account, device_token: str, browser: Browser, now: datetime
) -> Tokens:
    """Open a session, remember the browser, and note that its owner was here."""
    device = await get_device(session, ring, account.id, device_token, now, for_update=True)
    return await come_in_on(session, ring, account, device, browser, now)


async def come_in_on(
    session: AsyncSession, ring: KeyRing, account: Account, device: Device | None, browser: Browser, now: datetime
) -> Tokens:
    """Open a session on a browser whose row is at hand; a new browser's owner took back the strangers' tries."""
    account.last_sign_in_at, account.warned_at = now, None
    if device is None:
        account.failures = 0
        device_id, device_token = await add_device(session, ring, account.id, browser, now)
        return Tokens(await add_session(session, ring, account.id, device_id, now), device_token)
    refresh_device(device, browser, now)
    return Tokens(await add_session(session, ring, account.id, device.id, now), None)
