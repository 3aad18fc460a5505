"""From the intake mailbox to a sealed message: what is kept, what is refused, what the sender is told."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from emulator.exchange.mailbox import Mailbox
from emulator.tenant import Tenant
from graph_sync.catch_up import catch_up
from graph_sync.pull import GONE_AFTER
from graph_sync.worker import Worker
from service.core.states import Arrival as State
from service.core.states import Envelope, Letter
from service.db.tables import Arrival, Blob, Delivery, Message, Outbox, Recipient
from service.recipients import unlock
from service.vault.ring import KeyRing
from service.vault.stream import context, open_sealed
from tests.graph_sync.conftest import (
    ALICE,
    BOB,
    BORIS,
    CAROL,
    DAVE,
    INTAKE,
    NEWER_SECRET,
    a_mail,
    take_in,
)


async def arrivals(worker: Worker) -> list[Arrival]:
    async with worker.db.reading() as session:
        return list((await session.scalars(select(Arrival).order_by(Arrival.seen_at))).all())


async def count(worker: Worker, table: type) -> int:
    async with worker.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def letters(worker: Worker) -> list[str]:
    async with worker.db.reading() as session:
        return sorted(row.letter.value for row in (await session.scalars(select(Outbox))).all())


def names_in(mailbox: Mailbox, folder: str) -> list[str]:
    found = next((one for one in mailbox.folders.values() if one.name == folder), None)
    return [item.subject for item in found.items] if found else []


async def opened(worker: Worker, rings: dict[str, KeyRing]) -> bytes:
    """Open the source of the only message with its first recipient's key, as the portal does."""
    async with worker.db.reading() as session:
        message = (await session.scalars(select(Message))).one()
        delivery = (await session.scalars(select(Delivery).limit(1))).one()
        recipient = await session.get_one(Recipient, delivery.recipient_id)
        blob = (await session.scalars(select(Blob))).one()
    key = await unlock(rings["portal"], recipient)
    content, _ = key.open_keys(message.id.hex, delivery.keys)
    sealed = b"".join([piece async for piece in worker.blobs.stream(blob.key)])
    return open_sealed(content, context(message.id.hex, "source"), sealed)


async def test_a_tagged_mail_is_sealed_and_leaves_the_inbox(worker: Worker, tenant: Tenant, rings: dict[str, KeyRing]):
    await tenant.exchange.submit(ALICE, a_mail(to=f"{BOB}, {BORIS}", cc=CAROL))
    await take_in(worker)
    (arrival,) = await arrivals(worker)
    assert arrival.state is State.SEALED
    assert arrival.moved_at is not None
    intake = tenant.exchange.mailboxes[INTAKE]
    assert (names_in(intake, "Inbox"), names_in(intake, "Sealed")) == ([], ["[secure] Your papers"])
    async with worker.db.reading() as session:
        deliveries = (await session.scalars(select(Delivery))).all()
    assert {row.envelope for row in deliveries} == {Envelope.TO, Envelope.CC}
    assert await letters(worker) == ["notice", "notice"]
    source = await opened(worker, rings)
    assert source.endswith(b"\r\n\r\nGood day.\r\n")
    assert b"X-Safemail" not in source
    assert NEWER_SECRET.encode() not in source
    assert b"X-MS-Exchange" not in source


async def test_mails_of_one_thread_are_known_as_such(worker: Worker, tenant: Tenant, rings: dict[str, KeyRing]):
    for more in (
        "Message-ID: <a@ct.gov>",
        "Message-ID: <b@ct.gov>\nReferences: <a@ct.gov>\nIn-Reply-To: <x@y.example>",
    ):
        await tenant.exchange.submit(ALICE, a_mail(more=more, body=more.encode()))
    await tenant.exchange.submit(ALICE, a_mail(more="Message-ID: <c@ct.gov>"))
    await take_in(worker)
    async with worker.db.reading() as session:
        threads = (await session.scalars(select(Message.thread_index))).all()
    of = {name: rings["portal"].digest("index", "thread", f"<{name}@ct.gov>") for name in "ac"}
    assert Counter(threads) == Counter([of["a"], of["a"], of["c"]])


async def test_what_is_pulled_twice_is_kept_once(worker: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail())
    for _ in range(3):
        await take_in(worker)
    assert await count(worker, Message) == 1
    assert await letters(worker) == ["notice"]


async def test_a_stranger_with_a_forged_stamp_is_refused(worker: Worker, tenant: Tenant):
    forged = a_mail(
        more=f"X-Safemail-Intake: v1-{NEWER_SECRET}\r\nX-MS-Exchange-Organization-AuthAs: Internal",
    )
    await tenant.exchange.receive_from_outside("eve@example.net", [INTAKE], forged)
    await take_in(worker)
    (arrival,) = await arrivals(worker)
    assert (arrival.state, arrival.reason) == (State.REFUSED, "not_authenticated")
    assert await count(worker, Message) == 0
    assert await letters(worker) == []
    assert names_in(tenant.exchange.mailboxes[INTAKE], "Refused") == ["[secure] Your papers"]


@pytest.mark.parametrize("stamp", ["", f"X-Safemail-Intake: v1-{NEWER_SECRET}x", "X-Safemail-Intake: v1-"])
async def test_an_insider_who_writes_to_intake_directly_is_refused(worker: Worker, tenant: Tenant, stamp: str):
    await tenant.exchange.submit(ALICE, a_mail(to=INTAKE, more=stamp))
    await take_in(worker)
    (arrival,) = await arrivals(worker)
    assert (arrival.state, arrival.reason) == (State.REFUSED, "stamp")
    assert await count(worker, Message) == 0
    assert await letters(worker) == []


async def test_two_copies_of_one_mail_become_one_message(worker: Worker, tenant: Tenant):
    tenant.world.redirect_copies = 2
    await tenant.exchange.submit(ALICE, a_mail(to=f"{BOB}, {CAROL}"))
    await take_in(worker)
    assert sorted(one.state for one in await arrivals(worker)) == [State.JOINED, State.SEALED]
    assert await count(worker, Message) == 1
    assert await count(worker, Blob) == 1
    assert await letters(worker) == ["notice", "notice"]


async def test_one_message_id_on_two_mails_makes_two_messages(worker: Worker, tenant: Tenant):
    for body in (b"One.\r\n", b"Two.\r\n"):
        await tenant.exchange.submit(ALICE, a_mail(body=body, more="Message-ID: <same@program>"))
    await take_in(worker)
    assert await count(worker, Message) == 2


async def test_the_same_words_under_one_message_id_sent_twice_are_two_messages(worker: Worker, tenant: Tenant):
    for _ in range(2):
        await tenant.exchange.submit(ALICE, a_mail(more="Message-ID: <hourly@program>"))
    await take_in(worker)
    assert await count(worker, Message) == 2


async def test_a_second_copy_adds_who_was_missing(worker: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, more="Message-ID: <same@list>"))
    intake = tenant.exchange.mailboxes[INTAKE]
    (first,) = intake.folder("inbox").items
    await take_in(worker)
    copy = intake.new_item((first.header.replace("To", f"{BOB}, {DAVE}"), first.rest), now=tenant.clock())
    intake.place(copy, intake.folder("inbox"))
    await take_in(worker)
    assert await count(worker, Message) == 1
    assert await count(worker, Delivery) == 2
    assert await letters(worker) == ["notice", "notice"]


@pytest.mark.parametrize(("over_by", "state"), [(0, State.SEALED), (1, State.RETURNED)])
async def test_the_limit_is_exact(worker: Worker, tenant: Tenant, over_by: int, state: State):
    worker.settings = worker.settings.model_copy(update={"message_bytes": 50_000})
    await tenant.exchange.submit(ALICE, a_mail(body=b"x" * (50_000 + over_by)))
    await take_in(worker)
    (arrival,) = await arrivals(worker)
    assert arrival.state is state
    if state is State.RETURNED:
        assert arrival.reason == "too_big"
        assert await count(worker, Message) == 0
        assert await letters(worker) == [Letter.RECEIPT_NOT_DELIVERED]
        assert names_in(tenant.exchange.mailboxes[INTAKE], "Sealed") == ["[secure] Your papers"]


async def test_mail_in_junk_is_found_too(worker: Worker, tenant: Tenant):
    tenant.world.deliver_to_junk = {INTAKE}
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    assert [one.state for one in await arrivals(worker)] == [State.SEALED]


async def test_an_automatic_answer_gets_notices_and_no_receipt(worker: Worker, tenant: Tenant):
    worker.settings = worker.settings.model_copy(update={"bcc": "none"})
    await tenant.exchange.submit(ALICE, a_mail(more="Auto-Submitted: auto-replied"))
    await take_in(worker)
    assert await letters(worker) == ["notice"]


async def test_a_mail_of_a_person_gets_a_receipt(worker: Worker, tenant: Tenant):
    worker.settings = worker.settings.model_copy(update={"bcc": "none"})
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    assert await letters(worker) == ["notice", "receipt_secured"]


@pytest.mark.parametrize(("younger", "state"), [(timedelta(), State.GONE), (timedelta(seconds=30), State.SEEN)])
async def test_an_item_that_somebody_took_away_is_gone_after_a_while(
    worker: Worker, tenant: Tenant, younger: timedelta, state: State
):
    await tenant.exchange.submit(ALICE, a_mail())
    await catch_up(worker)
    async with worker.db.writing() as session:
        await session.execute(update(Arrival).values(seen_at=worker.now() - GONE_AFTER + younger))
    intake = tenant.exchange.mailboxes[INTAKE]
    intake.remove(intake.folder("inbox").items[0])
    await take_in(worker)
    (arrival,) = await arrivals(worker)
    assert arrival.state is state
