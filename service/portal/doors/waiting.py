"""The waiting note: who wrote and until when, shown to the holder of a link before any password.

The portal opens the sheet with the recipient's key for this only; its signature is checked first.
"""

from dataclasses import dataclass
from datetime import datetime

from quart import g, request

from service.accounts.links import account_state, get_by_link
from service.core.addresses import masked
from service.core.sheet import Person
from service.core.states import AccountState
from service.db.tables import Delivery
from service.mailbox.opening import open_delivery
from service.portal.state import portal
from service.recipients import own_address, unlock


@dataclass(frozen=True, slots=True, repr=False)
class Waiting:
    """What the holder of a link may see."""

    delivery: Delivery
    sender: Person
    address: str
    state: AccountState | None
    """Of the address's account; None where it has none."""

    @property
    def has_account(self) -> bool:
        """Whether somebody can sign in: a guest has no password, and one that is switched off comes back by a code."""
        return self.state in {AccountState.ACTIVE, AccountState.LOCKED}

    @property
    def is_switched_off(self) -> bool:
        return self.state is AccountState.DISABLED

    @property
    def can_be_read(self) -> bool:
        """Whether a mailed code is enough."""
        return portal().settings.read_with_code and self.state in {None, AccountState.GUEST}

    @property
    def expires_at(self) -> datetime:
        return self.delivery.expires_at

    @property
    def masked(self) -> str:
        return masked(self.address)


async def waiting_of(delivery: Delivery, account: AccountState | None = None) -> Waiting:
    """Open what the note shows. Raises SealBroken."""
    state = portal()
    key = await unlock(state.ring, delivery.recipient)
    sheet = open_delivery(state.ring, key, delivery).sheet
    return Waiting(delivery, sheet.sender, own_address(state.ring, key, delivery.recipient), account)


async def waiting() -> Waiting | None:
    """Find what this browser's link cookie names."""
    state = portal()
    token = request.cookies.get(state.cookies.link, "")
    if not token:
        return None
    async with state.db.reading() as session:
        delivery = await get_by_link(session, token, g.now)
        found = await account_state(session, delivery) if delivery is not None else None
    return await waiting_of(delivery, found) if delivery is not None else None
