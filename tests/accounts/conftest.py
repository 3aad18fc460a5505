"""A recipient with a notice, on each database."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from service.accounts.bound import bind_row
from service.accounts.hashing import HashGate
from service.accounts.registering import Flow, NewAccount, get_flow, save_account, start_flow
from service.blobs import Blobs
from service.core.browsers import Browser
from service.db.engine import Database
from service.db.tables import Account, Delivery
from service.vault.passwords import Cost
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, a_sealed_mail

PASSWORD = "seven blue herons 41 lanterns"
CHEAP = Cost(memory_kib=8, time=1)


@dataclass
class World:
    """What the account functions are given."""

    db: Database
    ring: KeyRing
    sync: KeyRing
    gate: HashGate
    blobs: Blobs
    rings: dict[str, KeyRing]
    clock: Clock

    async def deliver(self, to: str = BOB) -> Delivery:
        sealed = await a_sealed_mail(self.db, self.rings, self.blobs, to=(to,), now=self.clock())
        async with self.db.reading() as session:
            found = await session.get(Delivery, sealed.deliveries[to])
        assert found is not None
        return found

    async def start(self, delivery: Delivery, address: str = BOB) -> str:
        async with self.db.writing() as session:
            return await start_flow(session, self.ring, delivery, address, "en", self.clock())

    async def flow(self, token: str) -> Flow | None:
        async with self.db.reading() as session:
            return await get_flow(session, self.ring, token, self.clock())

    def prove(self, flow: Flow) -> None:
        """Take the right code as typed."""
        flow.code.proven_at = self.clock()
        bind_row(self.ring, flow.code)

    async def account(self, account_id: uuid.UUID) -> Account:
        async with self.db.reading() as session:
            found = await session.get(Account, account_id)
        assert found is not None
        return found

    async def new_account(self, recipient_id: uuid.UUID) -> NewAccount:
        return NewAccount("Bob", "Example", await self.gate.hash(PASSWORD, recipient_id), "", "en")

    async def register(self, to: str = BOB) -> uuid.UUID:
        """Make an account, without the code."""
        delivery = await self.deliver(to)
        token = await self.start(delivery, to)
        new = await self.new_account(delivery.recipient_id)
        async with self.db.writing() as session:
            flow = await get_flow(session, self.ring, token, self.clock(), for_update=True)
            assert flow is not None
            self.prove(flow)
            assert await save_account(session, self.ring, flow, new, Browser(), self.clock())
        return delivery.recipient_id


@pytest.fixture
def world(db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock) -> World:
    return World(db, rings["portal"], rings["sync"], HashGate(rings["portal"], CHEAP), blobs, rings, clock)


Registered = Callable[..., Awaitable[uuid.UUID]]
