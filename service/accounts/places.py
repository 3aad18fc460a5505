"""Where an account is signed in, and which browsers it knows: what its owner sees, and may end."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.sessions import is_alive
from service.core.limits import KNOWN_DEVICE
from service.core.rules import Rules
from service.db.tables import Device, Session


@dataclass(frozen=True, slots=True)
class Place:
    """A browser; its id is that of the session or of the known device."""

    id: uuid.UUID
    browser: str
    """Empty where it is not known, as is the system."""
    system: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Places:
    here: Place | None
    elsewhere: list[Place]
    """Signed in now, the last seen first."""
    known: list[Place]
    """Not signed in now, but let in with tries of their own."""


async def list_places(
    session: AsyncSession, rules: Rules, account_id: uuid.UUID, current: uuid.UUID, now: datetime
) -> Places:
    living = (
        await session.execute(
            select(Session, Device)
            .outerjoin(Device, (Device.id == Session.device_id) & (Device.account_id == Session.account_id))
            .where(Session.account_id == account_id, is_alive(rules, now))
            .order_by(Session.seen_at.desc(), Session.id)
        )
    ).all()
    places = [_place(row.id, device, row.seen_at) for row, device in living]
    devices = await session.scalars(
        select(Device)
        .where(Device.account_id == account_id, Device.seen_at > now - KNOWN_DEVICE)
        .order_by(Device.seen_at.desc(), Device.id)
    )
    here = next((place for place in places if place.id == current), None)
    used = {device.id for _, device in living if device is not None}
    return Places(
        here,
        [place for place in places if place.id != current],
        [_place(device.id, device, device.seen_at) for device in devices if device.id not in used],
    )


async def sign_out_place(session: AsyncSession, account_id: uuid.UUID, session_id: uuid.UUID) -> bool:
    """End a session; say False where it is not this account's, or gone."""
    ended = delete(Session).where(Session.id == session_id, Session.account_id == account_id).returning(Session.id)
    return await session.scalar(ended) is not None


async def sign_out_elsewhere(session: AsyncSession, account_id: uuid.UUID, current: uuid.UUID) -> list[uuid.UUID]:
    """End every other session; return which, so that their keys leave the memory too."""
    ended = delete(Session).where(Session.account_id == account_id, Session.id != current).returning(Session.id)
    return list(await session.scalars(ended))


async def forget_browser(session: AsyncSession, account_id: uuid.UUID, device_id: uuid.UUID) -> bool:
    """Make a known browser a stranger; say False where it is not this account's, or gone."""
    gone = delete(Device).where(Device.id == device_id, Device.account_id == account_id).returning(Device.id)
    return await session.scalar(gone) is not None


def _place(place_id: uuid.UUID, device: Device | None, seen_at: datetime) -> Place:
    browser, system = (device.browser or "", device.system or "") if device is not None else ("", "")
    return Place(place_id, browser, system, seen_at)
