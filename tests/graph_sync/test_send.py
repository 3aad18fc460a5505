"""From the outbox to the mailbox it is for: once, whatever happens on the way."""

import asyncio
from datetime import timedelta
from email import message_from_bytes

import pytest
from sqlalchemy import select, update

from emulator.tenant import Tenant
from emulator.world import World
from graph_sync import steps
from graph_sync.worker import Worker
from service.core.states import AccountState, Letter, Outgoing
from service.db.tables import Account, Delivery, Message, Outbox, Recipient
from service.letters.queue import queue_letter
from tests.graph_sync.builders import a_reply
from tests.graph_sync.conftest import ALICE, BOB, MAILER, a_mail, send_all, take_in


class Killed(BaseException):
    """The process dies here."""


async def outbox(worker: Worker) -> list[Outbox]:
    async with worker.db.reading() as session:
        return list((await session.scalars(select(Outbox).order_by(Outbox.created_at))).all())


def sent_items(tenant: Tenant) -> list[str]:
    return [item.internet_message_id for item in tenant.exchange.mailboxes[MAILER].folder("sentitems").items]


def drafts(tenant: Tenant) -> int:
    return len(tenant.exchange.mailboxes[MAILER].folder("drafts").items)


async def a_notice(worker: Worker, tenant: Tenant) -> None:
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)


async def let_leases_lapse(worker: Worker) -> None:
    """Time passes: what a dead process held is free again, and what was put off is due."""
    past = worker.now() - timedelta(minutes=1)
    async with worker.db.writing() as session:
        await session.execute(update(Outbox).values(lease_until=past, due_at=past))


async def test_a_notice_reaches_the_recipient_and_is_noted(worker: Worker, tenant: Tenant):
    await a_notice(worker, tenant)
    await send_all(worker)
    (mail,) = tenant.exchange.outside[BOB].mails
    assert b"X-Safemail-Row" in mail.mime
    (row,) = await outbox(worker)
    assert (row.state, row.payload, row.mailer) == (Outgoing.SENT, None, MAILER)
    async with worker.db.reading() as session:
        delivery = (await session.scalars(select(Delivery))).one()
    assert delivery.notified_at is not None
    assert sent_items(tenant) == [f"<{row.id.hex}@secure.example>"]


async def test_a_code_goes_in_one_call(worker: Worker, tenant: Tenant):
    async with worker.db.writing() as session:
        payload = {"to": BOB, "code": "123456", "language": "en"}
        await queue_letter(session, worker.ring, Letter.CODE, "code/x/1", worker.now(), payload=payload)
    await send_all(worker)
    assert len(tenant.exchange.outside[BOB].mails) == 1
    assert (await outbox(worker))[0].draft_id == ""


async def test_a_code_that_waited_too_long_is_not_sent_and_a_warning_is(worker: Worker, tenant: Tenant):
    await a_notice(worker, tenant)
    await send_all(worker)
    long_ago = worker.now() - timedelta(days=1)
    async with worker.db.writing() as session:
        recipient = (await session.scalars(select(Recipient))).one()
        session.add(
            Account(
                id=recipient.id,
                state=AccountState.LOCKED,
                password="",
                password_at=long_ago,
                name=b"",
                created_at=long_ago,
            )
        )
        code = {"to": BOB, "code": "123456", "language": "en"}
        warning = {"kind": "locked", "unlocks": True}
        await queue_letter(session, worker.ring, Letter.CODE, "code/x/1", long_ago, payload=code)
        await queue_letter(
            session, worker.ring, Letter.ACCOUNT, "account/x", long_ago, payload=warning, recipient_id=recipient.id
        )
    await send_all(worker)
    assert [mail.mime.count(b"Your account is locked") > 0 for mail in tenant.exchange.outside[BOB].mails] == [
        False,
        True,
    ]
    states = {row.letter: (row.state, row.payload) for row in await outbox(worker)}
    assert states[Letter.CODE] == (Outgoing.FAILED, None)
    assert states[Letter.ACCOUNT] == (Outgoing.SENT, None)


@pytest.mark.parametrize("at", ["drafting", "drafted", "complete", "sending", "sent"])
@pytest.mark.parametrize("world_name", ["plain", "other"])
async def test_a_death_anywhere_sends_nothing_twice(
    worker: Worker, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, at: str, world_name: str
):
    if world_name == "other":
        other = World.other_reading()
        tenant.world.send_keeps_message_id = other.send_keeps_message_id
        tenant.world.immutable_id_survives_send = other.immutable_id_survives_send
    await a_notice(worker, tenant)

    def die(name: str) -> None:
        if name == at:
            raise Killed

    monkeypatch.setattr(steps, "reached", die)
    with pytest.raises(Killed):
        await send_all(worker)
    await asyncio.sleep(0.2)  # its other hands find nothing and rest
    monkeypatch.undo()
    for _ in range(4):
        await let_leases_lapse(worker)
        await send_all(worker)
    assert [row.state for row in await outbox(worker)] == [Outgoing.SENT]
    assert len(tenant.exchange.outside[BOB].mails) == 1
    assert len(sent_items(tenant)) == 1
    assert drafts(tenant) == 0


async def test_a_lost_answer_to_send_is_looked_into(worker: Worker, tenant: Tenant):
    await a_notice(worker, tenant)
    tenant.world.chaos.fail_after = 1.0
    for _ in range(4):
        await send_all(worker)
        await let_leases_lapse(worker)
    tenant.world.chaos.fail_after = 0.0
    for _ in range(3):
        await let_leases_lapse(worker)
        await send_all(worker)
    assert [row.state for row in await outbox(worker)] == [Outgoing.SENT]
    assert len(tenant.exchange.outside[BOB].mails) == 1
    assert drafts(tenant) == 0


async def test_being_throttled_only_delays(worker: Worker, tenant: Tenant):
    await a_notice(worker, tenant)
    tenant.world.chaos.throttle = 1.0
    await send_all(worker)
    (row,) = await outbox(worker)
    assert row.state is not Outgoing.SENT
    assert row.due_at > worker.now()
    tenant.world.chaos.throttle = 0.0
    worker._mailboxes.clear()
    await let_leases_lapse(worker)
    await send_all(worker)
    assert len(tenant.exchange.outside[BOB].mails) == 1


async def test_a_mail_that_is_nowhere_is_never_sent_again(worker: Worker, tenant: Tenant):
    await a_notice(worker, tenant)
    async with worker.db.writing() as session:
        await session.execute(update(Outbox).values(state=Outgoing.SENDING, mailer=MAILER, draft_id="AAAAno-such-id"))
    for _ in range(14):
        await send_all(worker)
        await let_leases_lapse(worker)
    (row,) = await outbox(worker)
    assert (row.state, row.error) == (Outgoing.UNSURE, "nowhere")
    assert tenant.exchange.outside[BOB].mails == []


@pytest.mark.parametrize("capitalised", [False, True])
async def test_a_reply_brings_small_and_large_files(worker: Worker, tenant: Tenant, capitalised: bool):
    tenant.world.upload_answers_capitalised = capitalised
    files = [b"", b"small file" * 10, bytes(range(256)) * 30_000]
    message_id = await a_reply(worker, files)
    await send_all(worker)
    (row,) = await outbox(worker)
    assert (row.state, row.attached) == (Outgoing.SENT, 3)
    inbox = tenant.exchange.mailboxes[ALICE].folder("inbox").items
    assert len(inbox) == 1
    parsed = message_from_bytes(inbox[0].mime)
    found = [part.get_payload(decode=True) for part in parsed.walk() if part.get_filename()]
    assert found == files
    async with worker.db.reading() as session:
        assert (await session.get_one(Message, message_id)).keys_mailer is None


async def test_a_missing_permission_only_delays(worker: Worker, tenant: Tenant):
    await a_notice(worker, tenant)
    tenant.app.may_send_as.clear()
    await send_all(worker)
    (row,) = await outbox(worker)
    assert row.state is Outgoing.COMPLETE
    assert tenant.exchange.outside[BOB].mails == []
    tenant.app.may_send_as.add(MAILER)
    await let_leases_lapse(worker)
    await send_all(worker)
    assert len(tenant.exchange.outside[BOB].mails) == 1


async def test_a_reply_over_the_mailbox_limit_fails_and_leaves_no_draft(worker: Worker, tenant: Tenant):
    tenant.exchange.add_mailbox(MAILER, "Safemail", max_send=2_000_000)
    await a_reply(worker, [bytes(range(256)) * 12_000])
    await send_all(worker)
    row, letter = await outbox(worker)
    assert (row.state, row.error) == (Outgoing.FAILED, "ErrorMessageSizeExceeded")
    assert (letter.letter, letter.recipient_id) == (Letter.ACCOUNT, row.recipient_id)  # its writer is told
    assert drafts(tenant) == 0
    assert tenant.exchange.mailboxes[ALICE].folder("inbox").items == []
