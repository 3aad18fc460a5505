"""A notice that comes back: its sender is told, once."""

import pytest
from sqlalchemy import select

from emulator.exchange.headers import split_mail
from emulator.exchange.reports import Failure, non_delivery_report
from emulator.tenant import Tenant
from graph_sync.bounces import look_for_bounces
from graph_sync.worker import Worker
from service.core.states import Letter
from service.db.tables import Outbox
from tests.graph_sync.conftest import ALICE, BOB, MAILER, a_mail, send_all, take_in


async def not_delivered(worker: Worker) -> list[Outbox]:
    async with worker.db.reading() as session:
        rows = await session.scalars(select(Outbox).where(Outbox.letter == Letter.RECEIPT_NOT_DELIVERED))
        return list(rows.all())


async def test_the_sender_is_told_of_a_notice_that_came_back(worker: Worker, tenant: Tenant):
    tenant.exchange.outside_mailbox(BOB).refuses = True
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    await send_all(worker)
    assert await look_for_bounces(worker) == 1
    assert await look_for_bounces(worker) == 0
    (row,) = await not_delivered(worker)
    assert row.message_id is not None
    await send_all(worker)
    (told,) = tenant.exchange.mailboxes[ALICE].folder("inbox").items
    assert "bob@example.com" in told.subject
    mailer = tenant.exchange.mailboxes[MAILER]
    assert mailer.folder("inbox").items == []


@pytest.mark.parametrize("action", ["delayed", "relayed"])
async def test_a_notice_that_is_only_late_did_not_come_back(worker: Worker, tenant: Tenant, action: str):
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    await send_all(worker)
    header, _ = split_mail(tenant.exchange.outside[BOB].mails[-1].mime)
    failure = Failure(BOB, "4.4.7", "later")
    mime = non_delivery_report(MAILER, header, [failure], domain="ct.gov", now=worker.now())
    await tenant.exchange.receive_from_outside(
        "", [MAILER], mime.replace(b"Action: failed", f"Action: {action}".encode())
    )
    assert await look_for_bounces(worker) == 1
    assert await not_delivered(worker) == []


async def test_other_mail_to_the_mailer_is_left_alone(worker: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(to=MAILER, subject="Hello"))
    forged = a_mail(more='Content-Type: multipart/report; report-type=delivery-status; boundary="b"')
    body = b"--b\r\n\r\nMessage-ID: <" + b"0" * 32 + b"@secure.example>\r\n--b--\r\n"
    await tenant.exchange.receive_from_outside("eve@example.net", [MAILER], forged + body)
    assert await look_for_bounces(worker) == 0
    assert await not_delivered(worker) == []
    assert len(tenant.exchange.mailboxes[MAILER].folder("inbox").items) == 2
