"""The portal and its people, as for the doors, with a device that holds passkeys and an app that shows codes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from pyotp import TOTP
from quart import Quart

from tests.conftest import Clock
from tests.factors.device import Device
from tests.mailbox.builders import BOB
from tests.portal.conftest import (
    HOST,
    ORIGIN,
    PASSWORD,
    Browser,
    Person,
    Register,
    Seen,
    a_notice,
    app,
    database_url,
    letters,
    registered,
    settings,
    sign_in,
    told,
)

__all__ = ["a_notice", "app", "database_url", "letters", "registered", "settings", "told"]

SECURITY = "/preferences/security"


@dataclass
class Secured:
    """Somebody with codes on."""

    person: Person
    app: TOTP
    codes: list[str]
    clock: Clock

    @property
    def browser(self) -> Browser:
        return self.person.browser

    def code(self, steps: int = 0) -> str:
        """What the app shows; `steps` later or, below zero, before."""
        return self.app.at(self.clock(), counter_offset=steps)

    async def password(self, browser: Browser) -> Seen:
        """Give the right password; the second step is next."""
        answer = await sign_in(browser, BOB, PASSWORD)
        assert (answer.status, answer.to) == (303, "/sign-in/code")
        return await browser.get(answer.to)


Secure = Callable[[], Awaitable[Secured]]


@pytest.fixture
def secured(registered: Register, clock: Clock) -> Secure:
    """Turn codes on as their owner does; the code that proved it is two minutes old."""

    async def turn_on() -> Secured:
        person = await registered()
        page = await start(person.browser)
        totp = TOTP(key_of(page))
        answer = await person.browser.post(f"{SECURITY}/authenticator", code=totp.at(clock()))
        assert answer.status == 200, answer.text
        clock.now = clock.now.replace(minute=clock.now.minute + 2)
        return Secured(person, totp, codes_of(answer), clock)

    return turn_on


async def start(browser: Browser) -> Seen:
    await browser.get(SECURITY)
    return await browser.follow(await browser.post(f"{SECURITY}/authenticator/start"))


def key_of(page: Seen) -> str:
    return page.text.partition('translate="no">')[2].partition("<")[0].replace(" ", "")


def codes_of(page: Seen) -> list[str]:
    return [part.partition("<")[0] for part in page.text.split("<li><code>")[1:]]


@pytest.fixture
def device() -> Device:
    return Device(HOST, ORIGIN)


@pytest.fixture
def stranger(app: Quart) -> Browser:
    return Browser(app)
