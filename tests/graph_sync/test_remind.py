"""Reminders: queued with the notice, sent to the second, and not at all to whoever needs none any more."""

from datetime import datetime, timedelta
from email import message_from_bytes
from typing import Any

import pytest
from sqlalchemy import select, update

from emulator.tenant import Tenant
from graph_sync.bcc import Traces, look_for_blind_copies
from graph_sync.bounces import look_for_bounces
from graph_sync.worker import Worker
from service.core.preferences import Preferences, write_preferences
from service.core.states import AccountState, Letter, Outgoing
from service.db.tables import Account, Delivery, Message, Outbox, Recipient
from tests.graph_sync.conftest import ALICE, BOB, CAROL, a_mail, send_all, take_in

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def reminding(worker: Worker) -> Worker:
    """A worker with reminders as shipped."""
    values = {"remind_unread": 3 * DAY, "remind_ending": 2 * DAY}
    worker.settings = worker.settings.model_copy(update=values)
    return worker


async def reminders(worker: Worker) -> list[Outbox]:
    async with worker.db.reading() as session:
        rows = await session.scalars(select(Outbox).where(Outbox.letter == Letter.REMINDER).order_by(Outbox.due_at))
        return list(rows.all())


async def states(worker: Worker) -> list[Outgoing]:
    return [row.state for row in await reminders(worker)]


async def change(worker: Worker, table: Any, **values: Any) -> None:
    async with worker.db.writing() as session:
        await session.execute(update(table).values(values))


async def noticed(worker: Worker, tenant: Tenant, **mail: Any) -> tuple[datetime, datetime]:
    """Send one mail through; return when its reminders are due."""
    await tenant.exchange.submit(ALICE, a_mail(**mail))
    await take_in(worker)
    await send_all(worker)
    first, second = [row.due_at for row in await reminders(worker)]
    return first, second


def subjects(tenant: Tenant, address: str = BOB) -> list[str]:
    mails = tenant.exchange.outside[address].mails
    found = [line for one in mails for line in one.mime.split(b"\r\n") if line.startswith(b"Subject: ")]
    return [line[9:].decode().split(":")[0].split(" from")[0] for line in found]


def link_of(mime: bytes) -> str:
    text = next(part for part in message_from_bytes(mime).walk() if part.get_content_type() == "text/plain")
    content = text.get_payload(decode=True)
    assert isinstance(content, bytes)
    (link,) = [line for line in content.decode().split() if "/d/" in line]
    return link


async def test_each_reminder_goes_at_its_second_and_once(reminding: Worker, tenant: Tenant):
    first, second = await noticed(reminding, tenant)
    async with reminding.db.reading() as session:
        message = (await session.scalars(select(Message))).one()
        notice = (await session.scalars(select(Outbox).where(Outbox.letter == Letter.NOTICE))).one()
    assert first == notice.created_at + 3 * DAY
    assert second == message.expires_at - 2 * DAY
    for due, count in ((first, 2), (second, 3)):
        reminding.now = lambda due=due: due - SECOND  # type: ignore[misc]
        await send_all(reminding)
        assert len(subjects(tenant)) == count - 1
        reminding.now = lambda due=due: due  # type: ignore[misc]
        await send_all(reminding)
        await send_all(reminding)
        assert len(subjects(tenant)) == count
    assert subjects(tenant) == ["Secure message", "Still waiting for you", "Still waiting for you"]
    assert await states(reminding) == [Outgoing.SENT, Outgoing.SENT]
    assert len({link_of(one.mime) for one in tenant.exchange.outside[BOB].mails}) == 1  # all by the same token


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (Delivery, {"read_at": datetime.fromisoformat("2026-01-01T00:00:00Z")}),
        (Delivery, {"answered_at": datetime.fromisoformat("2026-01-01T00:00:00Z")}),
        (Delivery, {"revoked_at": datetime.fromisoformat("2026-01-01T00:00:00Z")}),
        (Message, {"expires_at": datetime.fromisoformat("2026-01-01T00:00:00Z")}),
        (Recipient, {"ended_at": datetime.fromisoformat("2026-01-01T00:00:00Z")}),
    ],
)
async def test_who_needs_none_gets_none_and_nothing_is_drafted(
    reminding: Worker, tenant: Tenant, table: Any, values: dict[str, Any]
):
    first, _ = await noticed(reminding, tenant)
    await change(reminding, table, **values)
    reminding.now = lambda: first
    await send_all(reminding)
    row = (await reminders(reminding))[0]
    assert (row.state, row.payload, row.draft_id, row.error) == (Outgoing.NOT_NEEDED, None, "", "")
    assert row.done_at == first
    assert len(subjects(tenant)) == 1
    (mailer,) = reminding.settings.mailers
    assert tenant.exchange.mailboxes[mailer].folder("drafts").items == []


@pytest.mark.parametrize("which", ["unread", "ending"])
async def test_a_switched_off_reminder_is_not_sent_and_the_other_is(reminding: Worker, tenant: Tenant, which: str):
    first, second = await noticed(reminding, tenant)
    wishes = Preferences(remind_unread=which != "unread", remind_ending=which != "ending")
    async with reminding.db.writing() as session:
        recipient = (await session.scalars(select(Recipient))).one()
        session.add(
            Account(
                id=recipient.id,
                state=AccountState.ACTIVE,
                password="",
                password_at=first,
                name=b"",
                created_at=first,
                preferences=write_preferences(wishes),
            )
        )
    for due in (first, second):
        reminding.now = lambda due=due: due  # type: ignore[misc]
        await send_all(reminding)
    sent, off = Outgoing.SENT, Outgoing.NOT_NEEDED
    assert await states(reminding) == ([off, sent] if which == "unread" else [sent, off])


async def test_blind_copies_found_later_are_reminded_too(reminding: Worker, tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(bcc=CAROL))
    await take_in(reminding)
    await look_for_blind_copies(reminding, Traces(reminding))
    rows = await reminders(reminding)
    assert len(rows) == 4
    assert len({row.delivery_id for row in rows}) == 2


async def test_whose_notice_came_back_is_not_reminded(reminding: Worker, tenant: Tenant):
    tenant.exchange.outside_mailbox(BOB).refuses = True
    await noticed(reminding, tenant)
    await look_for_bounces(reminding)
    assert await states(reminding) == [Outgoing.NOT_NEEDED, Outgoing.NOT_NEEDED]
