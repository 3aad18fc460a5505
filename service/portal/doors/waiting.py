"""The waiting note: who wrote and until when, shown to the holder of a link before any password.

The portal opens the sheet with the recipient's key for this only; its signature is checked first.
"""

from dataclasses import dataclass
from datetime import datetime

from quart import g, request

from service.accounts.links import get_by_link, has_account
from service.core.addresses import masked
from service.core.sheet import Person
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
    has_account: bool

    @property
    def expires_at(self) -> datetime:
        return self.delivery.expires_at

    @property
    def masked(self) -> str:
        return masked(self.address)


async def waiting_of(delivery: Delivery, *, has_account: bool) -> Waiting:
    """Open what the note shows. Raises SealBroken."""
    state = portal()
    key = await unlock(state.ring, delivery.recipient)
    sheet = open_delivery(state.ring, key, delivery).sheet
    return Waiting(delivery, sheet.sender, own_address(key, delivery.recipient), has_account)


async def waiting() -> Waiting | None:
    """Find what this browser's link cookie names."""
    state = portal()
    token = request.cookies.get(state.cookies.link, "")
    if not token:
        return None
    async with state.db.reading() as session:
        delivery = await get_by_link(session, token, g.now)
        known = delivery is not None and await has_account(session, delivery)
    return await waiting_of(delivery, has_account=known) if delivery is not None else None
