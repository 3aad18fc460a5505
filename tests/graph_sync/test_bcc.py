"""Blind copies: found by message trace, named to nobody but the sender, given up after ten minutes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from emulator.tenant import Tenant
from graph_sync.bcc import TraceRow, Traces, look_for_blind_copies, recipients_of
from graph_sync.worker import Worker
from service.core.sheet import Person, Sheet
from service.core.states import Bcc, Envelope, Outgoing
from service.db.tables import Delivery, Message, Outbox
from service.letters.opened import blind_copies, message_sheet
from tests.graph_sync.conftest import ALICE, BOB, BORIS, CAROL, a_mail, send_all, take_in


async def the_message(worker: Worker) -> Message:
    async with worker.db.reading() as session:
        return (await session.scalars(select(Message))).one()


async def letters(worker: Worker) -> list[str]:
    async with worker.db.reading() as session:
        return sorted(row.letter.value for row in (await session.scalars(select(Outbox))).all())


async def ten_minutes_later(worker: Worker) -> None:
    async with worker.db.writing() as session:
        await session.execute(update(Message).values(bcc_deadline=worker.now() - timedelta(seconds=1)))


async def test_a_blind_copy_is_found_and_gets_a_notice(worker: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(to=f"{BOB}, {BORIS}", bcc=CAROL))
    await take_in(worker)
    assert await letters(worker) == ["notice"]
    await look_for_blind_copies(worker, Traces(worker))
    assert await letters(worker) == ["notice", "notice", "receipt_secured"]
    message = await the_message(worker)
    assert message.bcc is Bcc.KNOWN
    assert blind_copies(worker.ring, message) == [CAROL]
    sheet: Sheet = message_sheet(worker.ring, message)
    assert CAROL not in str(sheet)
    async with worker.db.reading() as session:
        envelopes = {row.envelope for row in (await session.scalars(select(Delivery))).all()}
    assert envelopes == {Envelope.TO, Envelope.BCC}
    await send_all(worker)
    (notice,) = tenant.exchange.outside[CAROL].mails
    assert b"secure.example" in notice.mime
    assert len(tenant.exchange.mailboxes[ALICE].folder("inbox").items) == 1


async def test_a_mail_without_blind_copies_gets_its_receipt_at_once(worker: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    await look_for_blind_copies(worker, Traces(worker))
    assert await letters(worker) == ["notice", "receipt_secured"]


async def test_only_blind_copies_outside_are_enough(worker: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(to=BORIS, bcc=BOB))
    await take_in(worker)
    assert await letters(worker) == []
    await look_for_blind_copies(worker, Traces(worker))
    assert await letters(worker) == ["notice", "receipt_secured"]


async def test_a_trace_that_names_nobody_waits_until_the_deadline(worker: Worker, tenant: Tenant):
    tenant.world.trace_names_diverted = False
    await tenant.exchange.submit(ALICE, a_mail(bcc=CAROL))
    await take_in(worker)
    traces = Traces(worker)
    await look_for_blind_copies(worker, traces)
    assert (await the_message(worker)).bcc is Bcc.WAITING
    await ten_minutes_later(worker)
    await look_for_blind_copies(worker, traces)
    assert (await the_message(worker)).bcc is Bcc.UNREADABLE
    assert await letters(worker) == ["notice", "receipt_not_delivered", "receipt_secured"]
    await send_all(worker)
    async with worker.db.reading() as session:
        assert {row.state for row in (await session.scalars(select(Outbox))).all()} == {Outgoing.SENT}


async def test_without_the_permission_the_sender_is_told(worker: Worker, tenant: Tenant):
    tenant.app.permissions.clear()
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    await look_for_blind_copies(worker, Traces(worker))
    await ten_minutes_later(worker)
    await look_for_blind_copies(worker, Traces(worker))
    assert await letters(worker) == ["notice", "receipt_not_delivered", "receipt_secured"]


async def test_many_senders_are_asked_for_at_once_and_seldom(worker: Worker, tenant: Tenant):
    for number in range(5):
        sender = f"staff{number}@ct.gov"
        tenant.exchange.add_mailbox(sender, f"Staff {number}")
        await tenant.exchange.submit(sender, a_mail(sender=sender, bcc=CAROL))
    await take_in(worker)
    traces = Traces(worker)
    assert await look_for_blind_copies(worker, traces) == 5
    assert len([one for one in await letters(worker) if one == "receipt_secured"]) == 5


async def test_the_budget_of_the_trace_is_kept(worker: Worker):
    traces = Traces(worker)
    asked = 0
    while traces.left:
        traces._left -= 1
        asked += 1
    assert asked == pytest.approx(40, abs=1)


async def test_two_mails_with_one_message_id_keep_their_own_blind_copies(worker: Worker, tenant: Tenant):
    for bcc in (CAROL, "dora@example.com"):
        mime = a_mail(bcc=bcc).replace(b"Subject:", b"Message-ID: <twice@program.example>\r\nSubject:", 1)
        await tenant.exchange.submit(ALICE, mime + f"for the eyes of {bcc}".encode())
    await take_in(worker)
    await look_for_blind_copies(worker, Traces(worker))
    async with worker.db.reading() as session:
        messages = (await session.scalars(select(Message))).all()
    assert sorted(blind_copies(worker.ring, message) for message in messages) == [[CAROL], ["dora@example.com"]]


def test_rows_of_two_mails_that_cannot_be_told_apart_name_nobody():
    sheet = Sheet("s", Person("", ALICE), datetime(2026, 1, 1, tzinfo=UTC), message_id="<twice@x>", trace_id="")
    rows = [TraceRow("1", ALICE, "<twice@x>", BOB), TraceRow("2", ALICE, "<twice@x>", CAROL)]
    assert recipients_of(sheet, ALICE, rows) == set()
    assert recipients_of(sheet, ALICE, rows[:1]) == {BOB}
    assert recipients_of(replace(sheet, trace_id="2"), ALICE, rows) == {CAROL}
    assert recipients_of(sheet, BORIS, rows[:1]) == set()
