"""A recipient: one address outside, its key pair, and the forms in which its address is kept."""

import asyncio
import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.addresses import normal_form
from service.db.tables import Recipient
from service.errors import SealBroken
from service.vault.binding import bind, is_bound
from service.vault.box import open_box, seal_box
from service.vault.people import RecipientKey, new_recipient_key, seal_to_recipient, unwrap_recipient_key
from service.vault.ring import KeyRing
from service.vault.tokens import same
from service.vault.types import Wrapped

_BOUND = "recipient"


def address_index(ring: KeyRing, address: str) -> bytes:
    """Return the keyed digest that an address is looked up by. Raises BadAddress."""
    return ring.digest("index", "address", normal_form(address))


async def get_by_address(
    session: AsyncSession, ring: KeyRing, address: str, *, is_held: bool = False
) -> Recipient | None:
    """Find the living recipient of an address; `is_held`: who cannot be ended before this transaction is over.

    Raises:
        BadAddress: it is no address.
        SealBroken: the row says of itself what we did not write: nobody's mail is sealed to it, nobody comes in by it.
    """
    query = select(Recipient).where(
        Recipient.address_index == address_index(ring, address), Recipient.ended_at.is_(None)
    )
    if is_held:
        query = query.with_for_update(read=True, key_share=True)
    found = (await session.scalars(query)).one_or_none()
    if found is not None:
        check_bound(ring, found)
    return found


def check_bound(ring: KeyRing, recipient: Recipient) -> None:
    """Raises SealBroken where id, address and public key do not belong together."""
    if not is_bound(ring, "index", recipient.bound, _BOUND, *_fields(recipient)):
        raise SealBroken


def new_recipient(ring: KeyRing, address: str, now: datetime) -> Recipient:
    """Make a recipient with a key pair of its own; `sync` only, since it seals to portal, mailer and admin."""
    row_id = uuid.uuid4()
    portal = ring.wrapper("portal")
    public, wrapped = new_recipient_key(portal, row_id.bytes)
    encoded = address.encode()
    recipient = Recipient(
        id=row_id,
        address_index=address_index(ring, address),
        address_self=seal_to_recipient(public, f"address/{row_id.hex}", encoded),
        address_admin=seal_box(ring, "admin", f"recipients/{row_id.hex}", encoded),
        address_mailer=seal_box(ring, "mailer", f"recipients/{row_id.hex}", encoded),
        public_key=public,
        private_wrapped=wrapped,
        wrapped_by=portal.name,
        created_at=now,
    )
    recipient.bound = bind(ring, "index", _BOUND, *_fields(recipient))
    return recipient


async def get_or_add(session: AsyncSession, ring: KeyRing, address: str, now: datetime) -> Recipient:
    """Find or add the recipient of an address, inside the caller's writing transaction. Raises BadAddress."""
    found = await get_by_address(session, ring, address)
    if found is None:
        found = new_recipient(ring, address, now)
        session.add(found)
        await session.flush()
    return found


async def unlock(ring: KeyRing, recipient: Recipient) -> RecipientKey:
    """Unwrap the private half (portal only; ~1 ms of RSA, in a thread). Raises SealBroken, RingBroken."""
    return await asyncio.to_thread(
        unwrap_recipient_key,
        ring.unwrapper(recipient.wrapped_by),
        Wrapped(recipient.private_wrapped),
        recipient.id.bytes,
    )


def own_address(ring: KeyRing, key: RecipientKey, recipient: Recipient) -> str:
    """Open the address with the recipient's own key (portal). Raises SealBroken, as `mailing_address` does."""
    return _checked(ring, recipient, key.open(f"address/{recipient.id.hex}", recipient.address_self))


def mailing_address(ring: KeyRing, recipient: Recipient) -> str:
    """Open the address with the mailer key (sync). Raises SealBroken, also where the row was made for another one."""
    return _checked(ring, recipient, open_box(ring, f"recipients/{recipient.id.hex}", recipient.address_mailer))


def _checked(ring: KeyRing, recipient: Recipient, opened: bytes) -> str:
    """Anybody can seal to a public key: believe an address only where the row was made for it."""
    check_bound(ring, recipient)
    address = opened.decode()
    if not same(address_index(ring, address), recipient.address_index):
        raise SealBroken
    return address


def _fields(recipient: Recipient) -> tuple[bytes, ...]:
    return recipient.id.bytes, recipient.address_index, recipient.public_key
