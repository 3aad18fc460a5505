"""Our own mailboxes do not keep clear text longer than needed."""

from datetime import timedelta

from sqlalchemy import select, update

from emulator.tenant import Tenant
from graph_sync.clean import clean
from graph_sync.worker import Worker
from service.core.states import Letter
from service.db.tables import Message, Outbox
from service.letters.queue import queue_letter
from tests.graph_sync.conftest import ALICE, BOB, INTAKE, MAILER, a_mail, send_all, take_in


async def test_copies_of_letters_go_after_two_days_and_of_codes_at_once(worker: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    async with worker.db.writing() as session:
        payload = {"to": BOB, "code": "123456", "language": "en"}
        await queue_letter(session, worker.ring, Letter.CODE, "code/x/1", worker.now(), payload=payload)
    await send_all(worker)
    sent = tenant.exchange.mailboxes[MAILER].folder("sentitems").items
    assert len(sent) == 2
    await clean(worker)
    assert len(tenant.exchange.mailboxes[MAILER].folder("sentitems").items) == 2
    await long_ago(worker, timedelta(minutes=3))
    await clean(worker)
    assert len(tenant.exchange.mailboxes[MAILER].folder("sentitems").items) == 1
    await long_ago(worker, timedelta(hours=49))
    await clean(worker)
    assert tenant.exchange.mailboxes[MAILER].folder("sentitems").items == []
    async with worker.db.reading() as session:
        assert all(row.cleaned_at for row in (await session.scalars(select(Outbox))).all())


async def long_ago(worker: Worker, age: timedelta) -> None:
    async with worker.db.writing() as session:
        await session.execute(update(Outbox).values(done_at=worker.now() - age))


async def test_sealed_items_go_after_days_and_late_keys_with_them(worker: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    await clean(worker)
    intake = tenant.exchange.mailboxes[INTAKE]
    (folder,) = [one for one in intake.folders.values() if one.name == "Sealed"]
    assert len(folder.items) == 1
    real = worker.now
    worker.now = lambda: real() + timedelta(days=4)
    async with worker.db.writing() as session:
        await session.execute(update(Message).values(bcc="known"))
    await clean(worker)
    assert folder.items == []
    async with worker.db.reading() as session:
        message = (await session.scalars(select(Message))).one()
    assert message.late_key is None
    assert message.keys_mailer is not None
