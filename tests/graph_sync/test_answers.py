"""Who answers a letter by mail is told once a day that nobody reads it there; programs are told nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from emulator.exchange.headers import Address, split_mail
from emulator.exchange.reports import automatic_reply
from emulator.tenant import Tenant
from graph_sync.answers import ANSWERS_FOLDER, is_from_a_person
from graph_sync.bounces import look_for_bounces
from graph_sync.clean import clean
from graph_sync.worker import Worker
from service.core.states import Letter
from service.db.tables import Outbox, Recipient
from tests.graph_sync.conftest import ALICE, BOB, CAROL, MAILER, a_mail, send_all, take_in

ODD = "somebody@elsewhere.example"


async def noticed(worker: Worker, tenant: Tenant) -> str:
    """Send Bob a notice; return its Message-ID."""
    await tenant.exchange.submit(ALICE, a_mail())
    await take_in(worker)
    await send_all(worker)
    header, _ = split_mail(tenant.exchange.outside[BOB].mails[-1].mime)
    return header.get("message-id")


async def arrives(tenant: Tenant, sender: str, more: str = "", to: str = MAILER) -> None:
    mime = a_mail(sender=sender, to=to, subject="RE: Secure message", body=b"My number is 42.\r\n", more=more)
    await tenant.exchange.receive_from_outside(sender, [MAILER], mime)


async def answers(worker: Worker) -> int:
    async with worker.db.reading() as session:
        return len((await session.scalars(select(Outbox).where(Outbox.letter == Letter.ANSWER))).all())


def inbox(tenant: Tenant) -> int:
    return len(tenant.exchange.mailboxes[MAILER].folder("inbox").items)


async def test_a_person_is_answered_once_a_day_and_their_mail_put_aside(worker: Worker, tenant: Tenant):
    about = await noticed(worker, tenant)
    for _ in range(3):
        await arrives(tenant, BOB, f"In-Reply-To: {about}\nMessage-ID: <theirs@example.com>")
        await look_for_bounces(worker)
    assert await answers(worker) == 1
    assert inbox(tenant) == 0
    await send_all(worker)
    mime = tenant.exchange.outside[BOB].mails[-1].mime
    header, _ = split_mail(mime)
    assert header.get("auto-submitted") == "auto-replied"
    assert header.get("in-reply-to") == "<theirs@example.com>"
    assert b"My number" not in mime
    tomorrow = worker.now() + timedelta(days=1)
    worker.now = lambda: tomorrow
    await arrives(tenant, BOB, f"In-Reply-To: {about}")
    tenant.exchange.mailboxes[MAILER].folder("inbox").items[0].received = tomorrow
    await look_for_bounces(worker)
    assert await answers(worker) == 2


@pytest.mark.parametrize(
    "more",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; owner=x",
        "Precedence: bulk",
        "Precedence: auto_reply",
        "X-Auto-Response-Suppress: DR, AutoReply",
        "X-Auto-Response-Suppress: All",
        "List-Id: <news.example>",
        "List-Unsubscribe: <https://news.example>",
    ],
)
def test_what_a_program_or_a_list_sends_is_no_persons(more: str):
    assert not is_from_a_person(f"From: {BOB}\r\n{more}\r\n\r\n".encode(), BOB)


async def test_programs_are_not_answered(worker: Worker, tenant: Tenant):
    about = await noticed(worker, tenant)
    await arrives(tenant, BOB, f"In-Reply-To: {about}\nAuto-Submitted: auto-generated")
    await look_for_bounces(worker)
    assert await answers(worker) == 0
    assert inbox(tenant) == 0  # about a letter of ours: nobody need look at it


async def test_an_out_of_office_note_is_not_answered(worker: Worker, tenant: Tenant):
    await noticed(worker, tenant)
    header, _ = split_mail(tenant.exchange.outside[BOB].mails[-1].mime)
    note = automatic_reply(Address("Bob", BOB), header, MAILER, "Away", domain="example.com", now=worker.now())
    await tenant.exchange.receive_from_outside(BOB, [MAILER], note)
    await look_for_bounces(worker)
    assert await answers(worker) == 0


@pytest.mark.parametrize(
    ("sender", "names_letter", "to", "is_answered"),
    [
        (BOB, False, MAILER, True),  # a recipient
        (ODD, True, MAILER, True),  # to whom a notice was passed on
        (ODD, False, MAILER, False),  # a stranger
        (BOB, True, CAROL, False),  # written to somebody else
        ("no-reply@example.com", True, MAILER, False),
    ],
)
async def test_who_is_answered(
    worker: Worker, tenant: Tenant, sender: str, names_letter: bool, to: str, is_answered: bool
):
    about = await noticed(worker, tenant)
    await arrives(tenant, sender, f"References: <x@y> {about}" if names_letter else "", to)
    await look_for_bounces(worker)
    assert await answers(worker) == int(is_answered)
    assert inbox(tenant) == int(sender == ODD and not names_letter)


async def test_staff_who_answer_a_receipt_are_not_answered(worker: Worker, tenant: Tenant):
    about = await noticed(worker, tenant)
    await tenant.exchange.submit(
        ALICE, a_mail(to=MAILER, subject="RE: Secure Message Sent", more=f"In-Reply-To: {about}")
    )
    await look_for_bounces(worker)
    assert await answers(worker) == 0


async def test_old_mail_is_put_aside_without_an_answer(worker: Worker, tenant: Tenant):
    about = await noticed(worker, tenant)
    await arrives(tenant, BOB, f"In-Reply-To: {about}")
    later = worker.now() + timedelta(days=1, minutes=1)
    worker.now = lambda: later
    await look_for_bounces(worker)
    assert await answers(worker) == 0
    assert inbox(tenant) == 0


async def test_one_that_is_broken_holds_up_no_other(worker: Worker, tenant: Tenant):
    about = await noticed(worker, tenant)
    async with worker.db.writing() as session:
        await session.execute(update(Recipient).values(bound=b"0" * 32))
    await arrives(tenant, BOB, f"In-Reply-To: {about}")
    await arrives(tenant, ODD, f"In-Reply-To: {about}")
    await look_for_bounces(worker)
    assert await answers(worker) == 1
    assert inbox(tenant) == 1


async def test_what_was_put_aside_is_deleted_after_two_days(worker: Worker, tenant: Tenant):
    about = await noticed(worker, tenant)
    await arrives(tenant, BOB, f"In-Reply-To: {about}")
    await look_for_bounces(worker)
    (folder,) = [one for one in tenant.exchange.mailboxes[MAILER].folders.values() if one.name == ANSWERS_FOLDER]
    assert len(folder.items) == 1
    start = worker.now()
    for age, left in ((timedelta(hours=47), 1), (timedelta(hours=49), 0)):
        worker.now = lambda age=age: start + age  # type: ignore[misc]
        await clean(worker)
        assert len(folder.items) == left


@pytest.mark.parametrize(
    ("sender", "is_person"),
    [
        (BOB, True),
        ("request@example.com", True),
        ("rob.bounce@example.com", True),
        ("noreply+x@example.com", False),
        ("do-not-reply@example.com", False),
        ("list-bounces@example.com", False),
        ("list-request@example.com", False),
        ("owner-list@example.com", False),
        ("postmaster@example.com", False),
        ("microsoftexchange329e71ec88ae4615bbc36ab6ce41109e@example.com", False),
    ],
)
def test_addresses_of_programs_are_known(sender: str, is_person: bool):
    assert is_from_a_person(b"From: x\r\nAuto-Submitted: no\r\n\r\n", sender) is is_person


async def test_a_made_up_letter_sends_no_stranger_an_answer(worker: Worker, tenant: Tenant):
    """Whoever forges a sender must not make us write to them: an id of the right shape is not one of a letter."""
    await arrives(tenant, ODD, f"In-Reply-To: <{'0' * 32}@{worker.settings.public_host}>")
    await look_for_bounces(worker)
    assert await answers(worker) == 0
    assert inbox(tenant) == 1
