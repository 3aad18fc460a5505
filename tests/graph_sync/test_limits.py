"""What the role `sync` ends at a time ends there: whole the second before, over at it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from emulator.tenant import Tenant
from graph_sync.answers import ANSWERS_FOLDER
from graph_sync.bcc import Traces, look_for_blind_copies
from graph_sync.bounces import BOUNCES_FOLDER, look_for_bounces
from graph_sync.catch_up import catch_up
from graph_sync.clean import CODES_KEPT, clean
from graph_sync.pull import REFUSED_FOLDER, SEALED_FOLDER
from graph_sync.worker import Worker
from service.core.limits import (
    BCC_WITHIN,
    CODE_LIFE,
    DELTA_EVERY,
    INTAKE_KEPT,
    JOIN_WITHIN,
    RETENTION,
    SENT_COPIES_KEPT,
)
from service.core.states import Bcc, Letter, Outgoing
from service.db.tables import Delivery, Message, Outbox
from service.letters.queue import queue_letter
from tests.graph_sync.conftest import ALICE, BOB, CAROL, DAVE, INTAKE, MAILER, a_mail, send_all, take_in
from tests.graph_sync.test_answers import answers, arrives, noticed

SECOND = timedelta(seconds=1)
BEFORE_AND_AT = pytest.mark.parametrize(("early", "is_over"), [(SECOND, False), (timedelta(0), True)])


def at(worker: Worker, now: datetime) -> None:
    worker.now = lambda: now


async def the_message(worker: Worker) -> Message:
    async with worker.db.reading() as session:
        return (await session.scalars(select(Message))).one()


async def a_code(worker: Worker) -> None:
    payload = {"to": BOB, "code": "123456", "language": "en"}
    async with worker.db.writing() as session:
        await queue_letter(session, worker.ring, Letter.CODE, "code/x/1", worker.now(), payload=payload)


@pytest.mark.parametrize(("letter", "kept"), [(Letter.CODE, CODES_KEPT), (Letter.NOTICE, SENT_COPIES_KEPT)])
async def test_a_copy_in_sent_items_is_kept_for_its_time(
    worker: Worker, tenant: Tenant, letter: Letter, kept: timedelta
):
    if letter is Letter.CODE:
        await a_code(worker)
    else:
        await tenant.exchange.submit(ALICE, a_mail())
        await take_in(worker)
    await send_all(worker)
    done = worker.now()
    async with worker.db.writing() as session:
        await session.execute(update(Outbox).values(done_at=done))
    for after, left in ((kept - SECOND, 1), (kept, 0)):
        at(worker, done + after)
        await clean(worker)
        assert len(tenant.exchange.mailboxes[MAILER].folder("sentitems").items) == left


async def test_what_was_put_aside_is_kept_for_its_time(worker: Worker, tenant: Tenant):
    put = worker.now()
    for mailbox, name, kept in (
        (MAILER, BOUNCES_FOLDER, SENT_COPIES_KEPT),
        (MAILER, ANSWERS_FOLDER, SENT_COPIES_KEPT),
        (INTAKE, SEALED_FOLDER, INTAKE_KEPT),
        (INTAKE, REFUSED_FOLDER, RETENTION),
    ):
        await worker.mailbox(mailbox).ensure_folder(name)
        owner = tenant.exchange.mailboxes[mailbox]
        (folder,) = [one for one in owner.folders.values() if one.name == name]
        item = owner.new_item(a_mail(), now=put)
        owner.place(item, folder)
        for after, left in ((kept, 1), (kept + SECOND, 0)):
            at(worker, item.received + after)
            await clean(worker)
            assert len(folder.items) == left, name


async def test_the_key_for_late_recipients_is_shredded_after_a_day(worker: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    await look_for_blind_copies(worker, Traces(worker))
    message = await the_message(worker)
    assert message.bcc is Bcc.KNOWN
    for after, is_there in ((JOIN_WITHIN - SECOND, True), (JOIN_WITHIN, False)):
        at(worker, message.received_at + after)
        await clean(worker)
        assert ((await the_message(worker)).late_key is not None) is is_there
    assert message.keys_mailer is not None


@BEFORE_AND_AT
async def test_a_copy_joins_within_a_day(worker: Worker, tenant: Tenant, early: timedelta, *, is_over: bool):
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, more="Message-ID: <same@list>"))
    intake = tenant.exchange.mailboxes[INTAKE]
    (first,) = intake.folder("inbox").items
    await take_in(worker)
    late = (await the_message(worker)).received_at + JOIN_WITHIN - early
    at(worker, late)
    copy = intake.new_item((first.header.replace("To", f"{BOB}, {DAVE}"), first.rest), now=late)
    intake.place(copy, intake.folder("inbox"))
    await take_in(worker)
    async with worker.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Message)) == (2 if is_over else 1)
        assert await session.scalar(select(func.count()).select_from(Delivery)) == (3 if is_over else 2)


async def test_blind_copies_are_waited_for_ten_minutes(worker: Worker, tenant: Tenant):
    tenant.world.trace_names_diverted = False
    begun = worker.now()
    at(worker, begun)
    await tenant.exchange.submit(ALICE, a_mail(bcc=CAROL))
    await take_in(worker)
    assert (await the_message(worker)).bcc_deadline == begun + BCC_WITHIN
    for after, bcc in ((BCC_WITHIN - SECOND, Bcc.WAITING), (BCC_WITHIN, Bcc.UNREADABLE)):
        at(worker, begun + after)
        await look_for_blind_copies(worker, Traces(worker))
        assert (await the_message(worker)).bcc is bcc


@BEFORE_AND_AT
async def test_a_code_is_mailed_only_while_it_works(worker: Worker, tenant: Tenant, early: timedelta, *, is_over: bool):
    begun = worker.now()
    at(worker, begun)
    await a_code(worker)
    at(worker, begun + CODE_LIFE - early)
    await send_all(worker)
    async with worker.db.reading() as session:
        row = (await session.scalars(select(Outbox))).one()
    assert row.state is (Outgoing.FAILED if is_over else Outgoing.SENT)
    assert len(tenant.exchange.outside[BOB].mails) == (0 if is_over else 1)


async def test_who_writes_to_us_is_answered_again_the_next_day(worker: Worker, tenant: Tenant):
    about = await noticed(worker, tenant)
    midnight = worker.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    for now, count in ((midnight - 2 * SECOND, 1), (midnight - SECOND, 1), (midnight, 2)):
        at(worker, now)
        await arrives(tenant, BOB, f"In-Reply-To: {about}")
        await look_for_bounces(worker)
        assert await answers(worker) == count


async def test_a_delta_round_runs_every_ten_seconds(worker: Worker, tenant: Tenant):
    start = worker.now()
    at(worker, start)
    await catch_up(worker)
    for after, found in ((DELTA_EVERY - SECOND, 0), (DELTA_EVERY, 1)):
        at(worker, start + after)
        if not found:
            await tenant.exchange.submit(ALICE, a_mail())
        assert await catch_up(worker) == found
