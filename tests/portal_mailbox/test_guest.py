"""A guest reads, downloads, prints and replies; their address stands where others have a name."""

import re

import pytest
from sqlalchemy import select, update

from service.accounts.registering import sealed_name
from service.blobs import Blobs
from service.core.sheet import Person
from service.core.states import AccountState, MessageKind
from service.db.engine import Database
from service.db.tables import Account, Message, Recipient
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, SealedMail, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed
from tests.portal_mailbox.test_reply import GOOD, opened_by_mailer


@pytest.fixture
async def guest(bob: Signed, db: Database) -> Signed:
    async with db.writing() as session:
        name = sealed_name(await session.get_one(Recipient, bob.recipient_id), "", "")
        await session.execute(update(Account).values(state=AccountState.GUEST, password="", name=name))
    return bob


@pytest.fixture
async def mail(db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock) -> SealedMail:
    return await a_sealed_mail(db, rings, blobs, with_files(("a.txt", "text/plain", b"a")), to=(BOB,), now=clock.now)


async def test_guest_does_what_readers_do(
    guest: Signed, mail: SealedMail, db: Database, rings: dict[str, KeyRing]
) -> None:
    message = f"/m/{mail.deliveries[BOB].hex}"
    for path in (
        "/inbox",
        message,
        f"{message}/print",
        f"{message}/message.eml",
        f"{message}/reply",
        "/sent",
    ):
        answer = await guest.get(path)
        assert answer.status_code == 200, path
    page = await (await guest.get(message)).get_data(as_text=True)
    assert BOB in page
    found = re.search(rf'href="({message}/file/\d+)"', page)
    assert found
    assert await (await guest.get(found[1])).get_data() == b"a"
    assert 'href="/waiting"' in page
    assert (await guest.post(f"{message}/reply", GOOD)).status_code == 303
    async with db.reading() as session:
        reply = (await session.scalars(select(Message).where(Message.kind == MessageKind.REPLY))).one()
    assert opened_by_mailer(rings, reply)[0].sender == Person(BOB, BOB)


async def test_reader_with_an_account_is_not_asked_to_make_one(bob: Signed, mail: SealedMail) -> None:
    page = await (await bob.get(f"/m/{mail.deliveries[BOB].hex}")).get_data(as_text=True)
    assert 'href="/waiting"' not in page
