"""What the portal's pages share: no global, one object per app."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from quart import current_app

from service.accounts.hashing import HashGate
from service.blobs import Blobs
from service.core.rules import Rules
from service.db.engine import Database
from service.letters.branding import Branding
from service.portal.cookies import Cookies
from service.settings import PortalSettings
from service.vault.passwords import Cost
from service.vault.ring import KeyRing

if TYPE_CHECKING:
    from service.portal.session import KeptKeys

EXTENSION = "safemail"


def wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, repr=False)
class Portal:
    settings: PortalSettings
    db: Database
    blobs: Blobs
    ring: KeyRing
    clock: Callable[[], datetime]
    cookies: Cookies
    brand: Branding
    keys: "KeptKeys"
    hashing: HashGate

    @property
    def rules(self) -> Rules:
        return self.settings.rules


def portal() -> Portal:
    """Return what this app's pages share."""
    state: Portal = current_app.extensions[EXTENSION]
    return state


def cost_of(settings: PortalSettings) -> Cost:
    return Cost(memory_kib=settings.password_memory_kib, time=settings.password_time)
