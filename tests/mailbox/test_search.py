"""Search: what is found, where, whose, and how far one search goes."""

import asyncio
import threading
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from service.blobs import Blobs
from service.core.folding import split_words
from service.core.sheet import Person
from service.core.states import Folder
from service.db.engine import Database
from service.db.tables import Delivery
from service.errors import TryAgain
from service.mailbox.own_folders import add_folder, move_messages
from service.mailbox.search import BATCH, Budget, Search, Searched, SearchGate, Wanted
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, SealedMail, a_recipient, a_sealed_mail, key_of, with_files

Rings = dict[str, KeyRing]
ENDLESS = Budget(seconds=1e9)
JOSE = Person("José Muñoz", "j.munoz@dss.ct.gov")


def a_mail(subject: str = "[secure] News", text: bytes = b"Nothing much.", head: str = "text/plain") -> bytes:
    return (
        f"From: Alice Example <alice@ct.gov>\r\nTo: Bob <bob@example.com>\r\nSubject: {subject}\r\n"
        f"Date: Tue, 24 Nov 2026 10:00:00 -0500\r\nMIME-Version: 1.0\r\nContent-Type: {head}\r\n\r\n".encode()
        + text
        + b"\r\n"
    )


class Desk:
    """Bob's mailbox, and how it is searched."""

    def __init__(self, db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
        self.db, self.rings, self.blobs, self.clock = db, rings, blobs, clock

    async def add(self, eml: bytes, **options: Any) -> SealedMail:
        self.clock.advance(timedelta(seconds=1))
        return await a_sealed_mail(self.db, self.rings, self.blobs, eml, now=self.clock.now, **options)

    async def run(self, query: str = "", limit: int = 50, budget: Budget = ENDLESS, **wanted: Any) -> Searched:
        return await (await self.search(query, limit, budget, **wanted)).run()

    async def search(self, query: str = "", limit: int = 50, budget: Budget = ENDLESS, **wanted: Any) -> Search:
        bob = await a_recipient(self.db, self.rings, BOB, self.clock.now)
        key = await key_of(self.rings, bob)
        sought = Wanted(split_words(query), **wanted)
        ring = self.rings["portal"]
        return Search(self.db, self.blobs, ring, key, bob.id, self.clock.now, sought, limit, budget)

    async def found(self, query: str = "", **wanted: Any) -> list[uuid.UUID]:
        return ids((await self.run(query, **wanted)).hits)


def ids(hits: Sequence[Any]) -> list[uuid.UUID]:
    return [hit.opened.delivery.id for hit in hits]


@pytest.fixture
def desk(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> Desk:
    return Desk(db, rings, blobs, clock)


LONG = b"word " * 100
UTF_8 = "text/plain; charset=utf-8"
QUOTED = f"{UTF_8}\r\nContent-Transfer-Encoding: quoted-printable"
PDF = ("Mietvertrag.pdf", "application/pdf", b"%PDF")
FIELDS = {
    "subject": (a_mail("[secure] Papers for the lease"), "LEASE papers"),
    "a phrase": (a_mail("[secure] Papers for the lease"), '"for the lease"'),
    "behind the excerpt": (a_mail(text=LONG + b"Nachtr\xc3\xa4ge", head=UTF_8), "nachtrage"),
    "latin-1": (a_mail(text=LONG + b"Caf\xe9", head="text/plain; charset=iso-8859-1"), "cafe"),
    "entities": (a_mail(text=LONG + b"<p>Ni&ntilde;o &amp; Stra&szlig;e</p>", head="text/html"), "nino strasse"),
    "numeric entities": (a_mail(text=LONG + b"caf&#233; th&#x65;", head="text/html"), "café the"),
    "a word over tags": (a_mail(text=LONG + b"<p>le<b>a</b><span>se</span></p>", head="text/html"), "lease"),
    "a phrase over blocks": (a_mail(text=LONG + b"<p>Elm</p><p>Street</p>", head="text/html"), '"elm street"'),
    "base64": (with_files(html="word " * 100 + "<p>Widerspruch</p>"), "widerspruch"),
    "file name": (with_files(PDF), "mietvertrag"),
    "copied to": (with_files(), "rivera"),
    "two fields": (with_files(PDF, text="word " * 100 + "Ende"), "ende mietvertrag"),
    "quoted-printable": (a_mail(text=LONG + b"A=C3=\r\n=A7=C3=A3o", head=QUOTED), "acao"),
}


@pytest.mark.parametrize("case", FIELDS)
async def test_a_word_is_found_wherever_it_stands(desk: Desk, case: str) -> None:
    eml, query = FIELDS[case]
    await desk.add(a_mail())
    mail = await desk.add(eml)
    assert await desk.found(query) == [mail.deliveries[BOB]]
    assert await desk.found(f"{query} zebra") == []


async def test_names_and_addresses_are_searched_and_the_sender_alone_by_its_filter(desk: Desk) -> None:
    about = await desk.add(a_mail("[secure] José Muñoz"))
    by = await desk.add(a_mail(), sender=JOSE)
    assert await desk.found("munoz") == [by.deliveries[BOB], about.deliveries[BOB]]
    assert await desk.found(sender=("munoz",)) == [by.deliveries[BOB]]
    assert await desk.found(sender=("@dss.ct.gov",)) == [by.deliveries[BOB]]
    assert await desk.found("jose", sender=("alice",)) == [about.deliveries[BOB]]


async def test_markup_and_style_are_no_text(desk: Desk) -> None:
    html = b"<style>.zebra{}</style><!-- zebra --><p class=zebra title=zebra>Good morning</p>"
    await desk.add(a_mail(text=html, head="text/html"))
    assert await desk.found("zebra") == []
    assert len(await desk.found("morning")) == 1


async def test_dates_and_files_narrow_it(desk: Desk) -> None:
    first = await desk.add(a_mail())
    second = await desk.add(with_files(("a.pdf", "application/pdf", b"%PDF")))
    at = desk.clock.now
    assert await desk.found(has_files=True) == [second.deliveries[BOB]]
    assert await desk.found(since=at) == [second.deliveries[BOB]]
    assert await desk.found(before=at) == [first.deliveries[BOB]]
    assert await desk.found(since=at, before=at) == []


async def test_a_folder_narrows_it_and_deleted_and_own_folders_are_searched(desk: Desk) -> None:
    mails = [await desk.add(a_mail("[secure] Lease")) for _ in range(3)]
    inbox, own, deleted = (mail.deliveries[BOB] for mail in mails)
    bob = await a_recipient(desk.db, desk.rings, BOB, desk.clock.now)
    async with desk.db.writing() as session:
        folder = await add_folder(session, desk.rings["portal"], bob.id, "Housing", desk.clock.now)
        await move_messages(session, bob.id, [own], folder, desk.clock.now)
        await session.execute(update(Delivery).where(Delivery.id == deleted).values(folder=Folder.DELETED))
    assert await desk.found("lease") == [deleted, own, inbox]
    assert await desk.found("lease", folder=Folder.INBOX) == [inbox]
    assert await desk.found("lease", folder=Folder.INBOX, own=folder) == [own]
    assert await desk.found("lease", folder=Folder.DELETED) == [deleted]


async def test_nothing_of_others_and_nothing_past_its_date_is_found(desk: Desk) -> None:
    await desk.add(a_mail("[secure] Lease"), to=(CAROL,))
    recalled = await desk.add(a_mail("[secure] Lease"))
    mail = await desk.add(a_mail("[secure] Lease"), life=timedelta(days=2))
    async with desk.db.writing() as session:
        one = update(Delivery).where(Delivery.id == recalled.deliveries[BOB])
        await session.execute(one.values(revoked_at=desk.clock.now))
    desk.clock.advance(timedelta(days=2, microseconds=-1))
    assert await desk.found("lease") == [mail.deliveries[BOB]]
    desk.clock.advance(timedelta(microseconds=1))
    assert await desk.found("lease") == []


async def test_one_that_does_not_open_hides_no_other(desk: Desk) -> None:
    good = await desk.add(a_mail("[secure] Lease"))
    bad = await desk.add(a_mail("[secure] Lease"))
    async with desk.db.writing() as session:
        one = update(Delivery).where(Delivery.id == bad.deliveries[BOB])
        await session.execute(one.values(keys=b"x" * 145))
    assert await desk.found("lease") == [good.deliveries[BOB]]


async def continued(desk: Desk, limit: int, budget: Budget, query: str = "lease") -> list[list[uuid.UUID]]:
    work = await desk.search(query, limit, budget)
    pages: list[list[uuid.UUID]] = []
    after = None
    while True:
        found = await work.run(after)
        pages.append(ids(found.hits))
        after = found.last
        if after is None:
            return pages
        assert len(pages) < 20


@pytest.mark.parametrize(
    ("limit", "budget", "shape"),
    [
        (50, ENDLESS, [4]),
        (4, ENDLESS, [4, 0]),
        (3, ENDLESS, [3, 1]),
        (50, Budget(messages=8, seconds=1e9), [4]),
        (50, Budget(messages=7, seconds=1e9), [4, 0]),
        (50, Budget(messages=3, seconds=1e9), [2, 1, 1]),
        (50, Budget(seconds=0), [1, 0, 1, 0, 1, 0, 1, 0]),
        (50, Budget(text_bytes=1, seconds=1e9), [1, 1, 1, 1]),
    ],
)
async def test_a_search_goes_on_where_it_stopped(desk: Desk, limit: int, budget: Budget, shape: list[int]) -> None:
    wanted: list[uuid.UUID] = []
    for number in range(8):
        mail = await desk.add(a_mail("[secure] Lease" if number % 2 else "[secure] News"))
        if number % 2:
            wanted.insert(0, mail.deliveries[BOB])
    pages = await continued(desk, limit, budget)
    assert [len(page) for page in pages] == shape
    assert [one for page in pages for one in page] == wanted


async def test_more_than_a_batch_is_searched_and_each_once(desk: Desk) -> None:
    count = BATCH + 2
    mails = [await desk.add(a_mail("[secure] Lease")) for _ in range(count)]
    assert await desk.found("lease", limit=count) == [mail.deliveries[BOB] for mail in reversed(mails)]


async def test_only_what_is_not_decided_yet_opens_the_text(desk: Desk) -> None:
    await desk.add(a_mail("[secure] Lease", LONG))
    work = await desk.search("lease word")
    found = await work.run()
    assert [hit.text for hit in found.hits] == [""]
    found = await (await desk.search("lease zebra")).run()
    assert found.hits == []


async def test_the_loop_goes_on_while_a_search_works(desk: Desk) -> None:
    for _ in range(2):
        await desk.add(a_mail("[secure] Lease"))
    threads: list[int] = []
    work = await desk.search("lease")

    def tick() -> float:
        threads.append(threading.get_ident())
        return 0

    work.tick = tick
    assert len((await work.run()).hits) == 2
    assert threads[0] == threading.get_ident()
    assert set(threads) != {threading.get_ident()}


async def test_few_search_at_once_and_a_reader_one_at_a_time() -> None:
    gate = SearchGate(at_once=2, wait_seconds=0.05)
    one, other = uuid.uuid4(), uuid.uuid4()
    async with gate.turn(one):
        with pytest.raises(TryAgain):
            async with gate.turn(one):
                pass
        async with gate.turn(other):
            with pytest.raises(TryAgain):
                async with gate.turn(uuid.uuid4()):
                    pass
        async with gate.turn(other):
            pass


async def test_who_waits_gets_a_turn() -> None:
    gate, reader = SearchGate(at_once=2, wait_seconds=5), uuid.uuid4()
    order: list[int] = []

    async def wait(number: int) -> None:
        async with gate.turn(reader):
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(wait(number) for number in range(3)))
    assert sorted(order) == [0, 1, 2]
