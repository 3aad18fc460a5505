"""What reaches the intake mailbox, and what becomes of it: forged mail is refused, copies are one message."""

import sqlite3
from typing import Any

import pytest

from emulator.cast import INTAKE, MAILER
from emulator.exchange.headers import split_mail
from emulator.stack import Stack
from tests.whole.people import (
    ALICE,
    BOB,
    CAROL,
    EVE,
    INTAKE_HEADER,
    Person,
    a_mail,
    folder_items,
    inbox,
    until,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("whole-door")]


def stamp_of(stack: Stack) -> str:
    return f"v1-000000000000-{stack.stamp_secret}"


def rows(stack: Stack, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(stack.data / "safemail.db") as base:
        found = base.execute(query).fetchall()
    base.close()
    return found


async def refused(stack: Stack, before: int) -> None:
    await until(lambda: len(folder_items(stack, INTAKE, "Refused")) > before)
    await until(lambda: not inbox(stack, INTAKE))


async def test_an_outsider_who_knows_the_stamp_makes_no_letter(stack: Stack):
    forged = a_mail(
        "[secure] Pay here",
        **{INTAKE_HEADER: stamp_of(stack), "X-MS-Exchange-Organization-AuthAs": "Internal"},
    )
    bob = Person(stack, BOB)
    letters, refusals = len(inbox(stack, ALICE)), len(folder_items(stack, INTAKE, "Refused"))
    await stack.tenant.exchange.receive_from_outside(EVE, [INTAKE], forged)
    await refused(stack, refusals)
    assert rows(stack, "SELECT reason FROM arrivals WHERE state = 'refused'")[-1] == ("not_authenticated",)
    assert not bob.mails
    assert not Person(stack, EVE).mails
    assert len(inbox(stack, ALICE)) == letters
    assert rows(stack, "SELECT count(*) FROM messages") == [(0,)]


async def test_an_insider_with_a_forged_stamp_makes_no_letter(stack: Stack):
    bob = Person(stack, BOB)
    letters, refusals = len(inbox(stack, ALICE)), len(folder_items(stack, INTAKE, "Refused"))
    forged = a_mail("[secure] Hello", **{INTAKE_HEADER: f"v1-000000000000-{'0' * 64}"})
    await stack.tenant.exchange.submit(ALICE, forged, [INTAKE])
    await refused(stack, refusals)
    assert rows(stack, "SELECT reason FROM arrivals WHERE state = 'refused' ORDER BY settled_at")[-1] == ("stamp",)
    assert not bob.mails
    assert len(inbox(stack, ALICE)) == letters


async def test_an_insider_who_writes_to_intake_and_outside_is_secured_once(stack: Stack):
    """The mail-flow rule takes the copy for outside; the copy for the intake mailbox itself bears no stamp."""
    bob, refusals = Person(stack, BOB), len(folder_items(stack, INTAKE, "Refused"))
    before = len(bob.notices)
    await stack.tenant.exchange.submit(ALICE, a_mail("[secure] Both", to=f"{BOB}, {INTAKE}"), [BOB, INTAKE])
    await refused(stack, refusals)
    await until(lambda: len(bob.notices) > before)
    assert len(bob.notices) == before + 1


async def test_two_copies_of_one_mail_are_one_message_with_one_notice_each(stack: Stack):
    bob, carol = Person(stack, BOB), Person(stack, CAROL)
    before = len(bob.notices), len(carol.notices), len(folder_items(stack, INTAKE, "Sealed"))
    (messages,) = rows(stack, "SELECT count(*) FROM messages")[0]
    stack.tenant.world.redirect_copies = 2
    try:
        mail = a_mail("[secure] Two copies", to=f"{BOB}, {CAROL}", Message_ID="<one@ct.gov>")
        await stack.tenant.exchange.submit(ALICE, mail, [BOB, CAROL])
    finally:
        stack.tenant.world.redirect_copies = 1
    await until(lambda: len(folder_items(stack, INTAKE, "Sealed")) == before[2] + 2)
    await until(lambda: len(bob.notices) > before[0] and len(carol.notices) > before[1])
    await until(lambda: not rows(stack, "SELECT 1 FROM outbox WHERE done_at IS NULL AND letter = 'notice'"))
    assert (len(bob.notices), len(carol.notices)) == (before[0] + 1, before[1] + 1)
    assert rows(stack, "SELECT count(*) FROM messages") == [(messages + 1,)]
    assert rows(stack, "SELECT count(*) FROM arrivals WHERE state = 'joined'") == [(1,)]


async def test_two_mails_with_one_message_id_are_two_messages(stack: Stack):
    bob = Person(stack, BOB)
    before = len(bob.notices)
    (messages,) = rows(stack, "SELECT count(*) FROM messages")[0]
    for body in ("The first.", "The second."):
        mail = a_mail("[secure] Same id", body=body, Message_ID="<used-again@ct.gov>")
        await stack.tenant.exchange.submit(ALICE, mail, [BOB])
    await until(lambda: len(bob.notices) >= before + 2)
    assert rows(stack, "SELECT count(*) FROM messages") == [(messages + 2,)]


async def test_a_mail_whose_from_is_another_insider_is_receipted_to_its_true_sender(stack: Stack):
    """Exchange writes the mailbox's own From over a forged one, and receipts follow Exchange's word."""
    ruth = "ruth.chen@ct.gov"
    before = len(inbox(stack, ALICE)), len(inbox(stack, ruth))
    mail = a_mail("[secure] In another's name").replace(f"Alice Chen <{ALICE}>".encode(), f"<{ruth}>".encode())
    assert split_mail(mail)[0].get("from") == f"<{ruth}>"
    await stack.tenant.exchange.submit(ALICE, mail, [BOB])
    await until(lambda: len(inbox(stack, ALICE)) > before[0])
    assert len(inbox(stack, ruth)) == before[1]


async def test_a_recipient_writes_to_none_of_our_own_mailboxes(stack: Stack):
    bob = Person(stack, BOB)
    notices = len(bob.notices)
    await stack.tenant.exchange.submit(ALICE, a_mail("[secure] Answer me"), [BOB])
    await until(lambda: len(bob.notices) > notices)
    bob.seen = len(bob.mails)
    page = await bob.register(bob.notices[-1])
    refusals = len(folder_items(stack, INTAKE, "Refused")), len(inbox(stack, MAILER))
    for own in (INTAKE, MAILER, INTAKE.upper()):
        answered = await bob.answer(page, {"to": f"{ALICE}, {own}", "text": "Hello."}, [])
        assert answered.status == 422
        assert "is a mailbox of this service" in answered.text
    await bob.browser.close()
    assert (len(folder_items(stack, INTAKE, "Refused")), len(inbox(stack, MAILER))) == refusals
