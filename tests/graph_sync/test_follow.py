"""A reply is followed to each of its addressees, and its writer is told whom it did not reach."""

import uuid
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from sqlalchemy import select, update

from emulator.exchange.headers import split_mail
from emulator.exchange.reports import Failure, non_delivery_report
from emulator.tenant import Tenant
from graph_sync.bcc import Traces
from graph_sync.bounces import look_for_bounces
from graph_sync.follow import FOLLOWED, Followed, follow_replies
from graph_sync.graph import Graph
from graph_sync.send import DOUBT, DOUBTS, send_due
from graph_sync.worker import Worker
from service.core.states import AccountState, HandedOver, Lane, Letter, Outgoing
from service.db.tables import Account, Handover, Outbox, Recipient
from service.letters.queue import open_payload
from service.recipients import address_index
from tests.graph_sync.builders import a_reply
from tests.graph_sync.conftest import ALICE, BOB, BORIS, MAILER, send_all

NOBODY = "nobody@ct.gov"


async def fates(worker: Worker, *addresses: str) -> list[tuple[HandedOver, str]]:
    async with worker.db.reading() as session:
        rows = (await session.scalars(select(Handover))).all()
    found = {row.address_index: (row.state, row.reason) for row in rows}
    return [found[address_index(worker.ring, address)] for address in addresses]


async def told(worker: Worker) -> list[str]:
    async with worker.db.reading() as session:
        rows = await session.scalars(
            select(Outbox).where(Outbox.letter == Letter.ACCOUNT, Outbox.state == Outgoing.PENDING)
        )
        return sorted(open_payload(worker.ring, row)["address"] for row in rows.all())


async def sent(worker: Worker, *to: str) -> uuid.UUID:
    """Let a reply go out, of a writer who has an account."""
    message_id = await a_reply(worker, [], to)
    async with worker.db.writing() as session:
        recipient = (await session.scalars(select(Recipient))).one()
        values = {"password": "", "password_at": worker.now(), "name": b"", "created_at": worker.now()}
        session.add(Account(id=recipient.id, state=AccountState.ACTIVE, language="es", **values))
    await send_due(worker, Lane.REPLIES)
    return message_id


def later(worker: Worker, by: timedelta) -> None:
    now = worker.now() + by
    worker.now = lambda: now


@pytest.mark.parametrize("keeps", [True, False])
async def test_reply_to_an_unknown_mailbox_comes_back_and_its_writer_is_told(
    worker: Worker, tenant: Tenant, keeps: bool
):
    tenant.world.send_keeps_message_id = keeps
    await sent(worker, ALICE, NOBODY)
    assert await fates(worker, ALICE, NOBODY) == [(HandedOver.SENT, ""), (HandedOver.SENT, "")]
    assert await look_for_bounces(worker) == 1
    assert await fates(worker, ALICE, NOBODY) == [(HandedOver.SENT, ""), (HandedOver.RETURNED, "5.1.10")]
    assert await look_for_bounces(worker) == 0
    assert await told(worker) == [NOBODY]
    await send_all(worker)
    (letter,) = tenant.exchange.outside[BOB].mails
    subject = message_from_bytes(letter.mime, policy=default)["Subject"]
    assert subject == "Safemail: Su respuesta no llegó"
    assert tenant.exchange.mailboxes[MAILER].folder("inbox").items == []


@pytest.mark.parametrize("keeps", [True, False])
async def test_trace_tells_what_arrived_and_what_did_not(worker: Worker, tenant: Tenant, keeps: bool):
    tenant.world.send_keeps_message_id = keeps
    await sent(worker, ALICE, BORIS, NOBODY)
    later(worker, timedelta(seconds=31))
    assert await follow_replies(worker, Traces(worker), Followed()) == 3
    expected = [(HandedOver.DELIVERED, ""), (HandedOver.DELIVERED, ""), (HandedOver.FAILED, "")]
    assert await fates(worker, ALICE, BORIS, NOBODY) == expected
    assert await told(worker) == [NOBODY]
    await look_for_bounces(worker)  # the report says more, and nothing twice
    assert (await fates(worker, NOBODY)) == [(HandedOver.RETURNED, "5.1.10")]
    assert await told(worker) == [NOBODY]


async def test_looks_are_seldom_and_end(worker: Worker, tenant: Tenant):
    tenant.world.trace_latency = timedelta(days=9)
    await sent(worker, ALICE)
    start, traces, followed, looks = worker.now(), Traces(worker), Followed(), []
    for second in [29, 31, 60, 119, 121, 400, 500, 3600, 40_000, 100_000, 130_000, 200_000]:
        at = start + timedelta(seconds=second)
        worker.now = lambda at=at: at  # type: ignore[misc]
        before = traces.left
        await follow_replies(worker, traces, followed)
        if traces.left < before:
            looks.append(second)
    assert looks == [31, 121, 500, 3600, 40_000, 130_000]
    assert await fates(worker, ALICE) == [(HandedOver.SENT, "")]
    assert timedelta(seconds=200_000) > FOLLOWED


async def test_what_blind_copies_need_of_the_budget_is_left_to_them(worker: Worker):
    await sent(worker, ALICE)
    later(worker, timedelta(seconds=31))
    traces = Traces(worker)
    traces._left = 10
    traces._at = worker.now()
    assert await follow_replies(worker, traces, Followed()) == 0
    assert await fates(worker, ALICE) == [(HandedOver.SENT, "")]


async def test_without_the_permission_nothing_is_known_and_nothing_breaks(worker: Worker, tenant: Tenant):
    tenant.app.permissions.clear()
    await sent(worker, ALICE)
    later(worker, timedelta(seconds=31))
    assert await follow_replies(worker, Traces(worker), Followed()) == 0
    assert await fates(worker, ALICE) == [(HandedOver.SENT, "")]


async def test_reply_that_exchange_does_not_take_reached_nobody(worker: Worker, tenant: Tenant):
    tenant.exchange.mailboxes[MAILER].max_send = 10
    await sent(worker, ALICE, BORIS)
    assert (await row_of_reply(worker)).state is Outgoing.FAILED
    assert await fates(worker, ALICE, BORIS) == [(HandedOver.FAILED, ""), (HandedOver.FAILED, "")]
    assert await told(worker) == [ALICE, BORIS]


async def test_reply_of_which_nobody_can_say_where_it_is_did_not_arrive(worker: Worker):
    """Its writer is told: to write again is theirs to decide, never ours."""
    await sent(worker, ALICE)
    async with worker.db.writing() as session:
        doubtful = {"state": Outgoing.SENDING, "error": f"{DOUBT}{DOUBTS}", "draft_id": "gone", "done_at": None}
        await session.execute(update(Outbox).where(Outbox.letter == Letter.REPLY).values(doubtful))
        await session.execute(update(Outbox).values(id=uuid.uuid4()))
        await session.execute(update(Handover).values(state=HandedOver.WAITING))
    await send_due(worker, Lane.REPLIES)
    assert (await row_of_reply(worker)).state is Outgoing.UNSURE
    assert await fates(worker, ALICE) == [(HandedOver.FAILED, "")]
    assert await told(worker) == [""]  # its keys went when it was sent: the letter names no address


async def report(worker: Worker, tenant: Tenant, about: str, *failures: Failure) -> None:
    header, _ = split_mail(f"From: {MAILER}\r\nMessage-ID: <{about}@secure.example>\r\n\r\n".encode())
    mime = non_delivery_report(MAILER, header, failures, domain="ct.gov", now=worker.now())
    await tenant.exchange.receive_from_outside("", [MAILER], mime)


async def row_of_reply(worker: Worker) -> Outbox:
    async with worker.db.reading() as session:
        return (await session.scalars(select(Outbox).where(Outbox.letter == Letter.REPLY))).one()


async def test_report_is_believed_of_its_own_addressees_only(worker: Worker, tenant: Tenant):
    await sent(worker, ALICE)
    row = await row_of_reply(worker)
    failures = [Failure(BORIS, "5.1.1", "x"), Failure("not an address", "5.1.1", "x"), Failure("", "", "")]
    await report(worker, tenant, row.id.hex, *failures)
    await look_for_bounces(worker)
    assert await fates(worker, ALICE) == [(HandedOver.SENT, "")]
    assert await told(worker) == []


async def test_status_that_is_none_is_not_kept(worker: Worker, tenant: Tenant):
    await sent(worker, ALICE)
    row = await row_of_reply(worker)
    await report(worker, tenant, row.id.hex, Failure(ALICE.upper(), "<script>", "x"))
    await look_for_bounces(worker)
    assert await fates(worker, ALICE) == [(HandedOver.RETURNED, "")]


async def test_report_of_a_delay_is_no_end(worker: Worker, tenant: Tenant):
    await sent(worker, ALICE)
    row = await row_of_reply(worker)
    header, _ = split_mail(f"From: {MAILER}\r\nMessage-ID: <{row.id.hex}@secure.example>\r\n\r\n".encode())
    failure = Failure(ALICE, "4.4.7", "later")
    mime = non_delivery_report(MAILER, header, [failure], domain="ct.gov", now=worker.now())
    late = mime.replace(b"Action: failed", b"Action: delayed")
    await tenant.exchange.receive_from_outside("", [MAILER], late)
    await look_for_bounces(worker)
    assert await fates(worker, ALICE) == [(HandedOver.SENT, "")]


async def test_who_starts_anew_goes_on_following(worker: Worker, tenant: Tenant, graph: Graph):
    tenant.world.trace_latency = timedelta(minutes=2)
    await sent(worker, ALICE)
    later(worker, timedelta(seconds=31))
    assert await follow_replies(worker, Traces(worker), Followed()) == 0
    tenant.world.trace_latency = timedelta()
    again = Worker(worker.settings, worker.db, worker.blobs, worker.ring, graph, now=worker.now)
    assert await follow_replies(again, Traces(again), Followed()) == 1
    assert await fates(worker, ALICE) == [(HandedOver.DELIVERED, "")]
