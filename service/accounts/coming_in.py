"""Open a session for somebody who proved who they are, whichever way: the last step of every way in."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.devices import add_device, get_device, refresh_device
from service.accounts.sessions import add_session
from service.accounts.telling import tell
from service.core.browsers import Browser
from service.core.preferences import read_preferences
from service.core.states import AccountLetter, AccountState
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
    session: AsyncSession,
    ring: KeyRing,
    account: Account,
    device_token: str,
    browser: Browser,
    now: datetime,
    *,
    is_told: bool = False,
) -> Tokens:
    """Open a session, remember the browser, and note that its owner was here."""
    device = await get_device(session, ring, account.id, device_token, now, for_update=True)
    return await come_in_on(session, ring, account, device, browser, now, is_told=is_told)


async def come_in_on(
    session: AsyncSession,
    ring: KeyRing,
    account: Account,
    device: Device | None,
    browser: Browser,
    now: datetime,
    *,
    is_told: bool = False,
) -> Tokens:
    """Open a session on a browser whose row is at hand; a new browser's owner took back the strangers' tries.

    Its owner is told by mail of a new browser, unless another letter tells it (`is_told`) or they chose otherwise. Who
    reads with a mailed code has no known browsers.
    """
    account.last_sign_in_at, account.warned_at = now, None
    if device is None:
        account.failures = 0
        if not is_told and account.state is not AccountState.GUEST:
            await _tell_of_new_browser(session, ring, account, browser, now)
        device_id, device_token = await add_device(session, ring, account.id, browser, now)
        return Tokens(await add_session(session, ring, account.id, device_id, now), device_token)
    refresh_device(device, browser, now)
    return Tokens(await add_session(session, ring, account.id, device.id, now), None)


async def _tell_of_new_browser(
    session: AsyncSession, ring: KeyRing, account: Account, browser: Browser, now: datetime
) -> None:
    if read_preferences(account.preferences).tell_new_device:
        await tell(session, ring, AccountLetter.NEW_DEVICE, account.id, browser, now)
