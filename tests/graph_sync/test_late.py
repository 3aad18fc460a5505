"""Blind copies that the trace names late still get the message, within a day, and their sender is told."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from emulator.tenant import Tenant
from graph_sync.bcc import Traces, look_for_blind_copies
from graph_sync.clean import clean
from graph_sync.late import look_again
from graph_sync.worker import Worker
from service.core.states import Bcc, Envelope
from service.db.tables import Delivery, Message, Outbox
from service.letters.opened import blind_copies
from tests.graph_sync.conftest import ALICE, BOB, CAROL, DAVE, a_mail, send_all, take_in

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


async def the_message(worker: Worker) -> Message:
    async with worker.db.reading() as session:
        return (await session.scalars(select(Message))).one()


async def envelopes(worker: Worker) -> list[Envelope]:
    async with worker.db.reading() as session:
        return sorted(await session.scalars(select(Delivery.envelope)))


async def letters(worker: Worker) -> list[str]:
    async with worker.db.reading() as session:
        return sorted(await session.scalars(select(Outbox.once)))


async def known_without(worker: Worker, tenant: Tenant, *late: str) -> Message:
    """Send a mail with blind copies whose rows come late; let the first look believe what it sees."""
    await tenant.exchange.submit(ALICE, a_mail(bcc=", ".join(late)))
    rows = list(tenant.exchange.trace)
    tenant.exchange.trace[:] = [row for row in rows if row.recipient not in late]
    await take_in(worker)
    await look_for_blind_copies(worker, Traces(worker))
    message = await the_message(worker)
    assert message.bcc is Bcc.KNOWN
    assert await envelopes(worker) == [Envelope.TO]
    tenant.exchange.trace[:] = rows
    return message


def at(worker: Worker, message: Message, after: timedelta) -> None:
    now = message.received_at + after
    worker.now = lambda: now


async def test_after_an_hour_who_is_new_gets_the_message_and_the_sender_a_receipt(worker: Worker, tenant: Tenant):
    message = await known_without(worker, tenant, CAROL)
    await send_all(worker)
    at(worker, message, HOUR - SECOND)
    assert await look_again(worker, Traces(worker)) == 0
    at(worker, message, HOUR)
    assert await look_again(worker, Traces(worker)) == 1
    assert await look_again(worker, Traces(worker)) == 0
    assert await envelopes(worker) == [Envelope.BCC, Envelope.TO]
    assert blind_copies(worker.ring, await the_message(worker)) == [CAROL]
    await send_all(worker)
    assert len(tenant.exchange.outside[CAROL].mails) == 1
    assert len(tenant.exchange.outside[BOB].mails) == 1
    receipts = [item.subject for item in tenant.exchange.mailboxes[ALICE].folder("inbox").items]
    assert receipts == ["Secure Message Sent", "Secure Message Sent"]


async def test_looks_end_with_the_key_a_day_later(worker: Worker, tenant: Tenant):
    message = await known_without(worker, tenant, CAROL, DAVE)
    full = list(tenant.exchange.trace)
    tenant.exchange.trace[:] = [row for row in full if row.recipient != DAVE]
    at(worker, message, HOUR)
    await look_again(worker, Traces(worker))
    tenant.exchange.trace[:] = full
    at(worker, message, 23 * HOUR - SECOND)
    assert await look_again(worker, Traces(worker)) == 0
    at(worker, message, 23 * HOUR)
    assert await look_again(worker, Traces(worker)) == 1
    assert blind_copies(worker.ring, await the_message(worker)) == [CAROL, DAVE]
    assert (await the_message(worker)).bcc_deadline is None
    assert len([one for one in await letters(worker) if one.startswith("secured/")]) == 3


async def test_after_a_day_nobody_is_looked_for(worker: Worker, tenant: Tenant):
    message = await known_without(worker, tenant, CAROL)
    at(worker, message, 25 * HOUR)
    await clean(worker)
    assert (await the_message(worker)).bcc_deadline is None
    assert await look_again(worker, Traces(worker)) == 0
    assert await envelopes(worker) == [Envelope.TO]


async def test_nothing_new_writes_nothing(worker: Worker, tenant: Tenant):
    message = await known_without(worker, tenant)
    before = await letters(worker)
    at(worker, message, HOUR)
    assert await look_again(worker, Traces(worker)) == 0
    assert await letters(worker) == before
    assert (await the_message(worker)).bcc_deadline == message.received_at + 23 * HOUR


async def test_who_closed_their_account_is_not_given_the_message_again(worker: Worker, tenant: Tenant):
    message = await known_without(worker, tenant)
    async with worker.db.writing() as session:
        await session.execute(delete(Delivery))
    at(worker, message, HOUR)
    assert await look_again(worker, Traces(worker)) == 0
    assert await envelopes(worker) == []


@pytest.mark.parametrize("left", [10, 11])
async def test_the_last_requests_are_left_to_who_waits(worker: Worker, tenant: Tenant, left: int):
    message = await known_without(worker, tenant, CAROL)
    at(worker, message, HOUR)
    traces = Traces(worker)
    traces._left, traces._at = left, worker.now()
    assert await look_again(worker, traces) == left - 10
