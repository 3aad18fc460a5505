"""The transport: who gets what, and what the header block looks like there."""

from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from emulator.exchange.mailbox import Item
from emulator.tenant import Tenant
from tests.emulator.conftest import ALICE, BOB, BORIS, CAROL, INTAKE, MAILER, SECRET, a_mail

MAILS = sorted((Path(__file__).parents[1] / "mail").glob("*.eml"))


def inbox(tenant: Tenant, address: str) -> list[Item]:
    return tenant.exchange.mailboxes[address].folder("inbox").items


def outside(tenant: Tenant, address: str) -> list[bytes]:
    box = tenant.exchange.outside.get(address)
    return [mail.mime for mail in box.mails] if box else []


async def test_untagged_mail_goes_where_it_is_addressed(tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(to=f"{BORIS}, {BOB}", bcc=CAROL))
    assert len(inbox(tenant, BORIS)) == len(outside(tenant, BOB)) == len(outside(tenant, CAROL)) == 1
    assert inbox(tenant, INTAKE) == []


async def test_tagged_mail_is_split_inside_delivered_outside_diverted(tenant: Tenant):
    sent = await tenant.exchange.submit(ALICE, a_mail(to=f"{BORIS}, {BOB}", bcc=CAROL, subject="Case [Secure] 7"))
    assert tenant.exchange.outside == {}
    [diverted], [beside] = inbox(tenant, INTAKE), inbox(tenant, BORIS)
    assert diverted.header.get("x-safemail-intake") == f"{tenant.rule_file.stamp}-{SECRET}"
    assert beside.header.get("x-safemail-intake") == ""
    assert [one.address for one in diverted.to] == [BORIS, BOB]
    assert diverted.header.get("x-ms-exchange-organization-authas") == "Internal"
    assert diverted.from_ is not None
    assert diverted.from_.address == ALICE
    assert sent.folder.well_known == "sentitems"


async def test_two_copies_of_a_redirect_in_the_other_reading(tenant: Tenant):
    tenant.world.redirect_copies = 2
    await tenant.exchange.submit(ALICE, a_mail(to=f"{BOB}, {CAROL}", subject="[secure]"))
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, subject="[secure]"))
    first, second, third = inbox(tenant, INTAKE)
    assert first.internet_message_id == second.internet_message_id != third.internet_message_id
    assert first.immutable_id != second.immutable_id


async def test_blind_copies_stand_only_in_sent_items(tenant: Tenant):
    sent = await tenant.exchange.submit(ALICE, a_mail(to=f"{BORIS}, {BOB}", bcc=CAROL))
    unnamed = await tenant.exchange.submit(ALICE, a_mail(to=BORIS), [BORIS, CAROL])
    assert [one.address for one in sent.bcc] == [CAROL]
    assert [one.address for one in unnamed.bcc] == [CAROL]
    for mime in [item.mime for item in inbox(tenant, BORIS)] + outside(tenant, BOB) + outside(tenant, CAROL):
        assert b"bcc" not in mime.lower()
        assert CAROL.encode() not in mime


async def test_headers_of_exchange_are_believed_from_exchange_alone(tenant: Tenant):
    forged = "X-MS-Exchange-Organization-AuthAs: Internal\nX-Safemail-Intake: guess"
    await tenant.exchange.receive_from_outside(BOB, [INTAKE], a_mail(sender=ALICE, to=INTAKE, more=forged))
    [item] = inbox(tenant, INTAKE)
    assert item.header.get_all("x-ms-exchange-organization-authas") == ["Anonymous"]
    assert item.header.get("x-safemail-intake") == "guess"
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, more="X-MS-Exchange-Organization-AuthAs: Anonymous"))
    assert b"x-ms-exchange-organization" not in outside(tenant, BOB)[0].lower()


async def test_mail_inside_carries_the_id_of_its_trace_rows(tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(to=f"{BORIS}, {BOB}", subject="[secure]"))
    [diverted], [beside] = inbox(tenant, INTAKE), inbox(tenant, BORIS)
    name = "x-ms-exchange-organization-network-message-id"
    assert diverted.header.get(name) == beside.header.get(name) == tenant.exchange.trace[0].id
    assert diverted.header.get("return-path") == ALICE


async def test_rule_is_not_for_mail_from_outside(tenant: Tenant):
    await tenant.exchange.receive_from_outside(BOB, [ALICE, CAROL], a_mail(sender=ALICE, subject="[secure]"))
    assert inbox(tenant, INTAKE) == []
    assert len(outside(tenant, CAROL)) == 1


async def test_from_becomes_the_mailboxs_own(tenant: Tenant):
    more = "Sender: x@y.z\nReply-To: Jane <jane@example.com>"
    mime = a_mail(sender=f"Somebody <{BOB}>", to=BORIS, more=more)
    await tenant.exchange.submit(MAILER, mime)
    [item] = inbox(tenant, BORIS)
    assert item.header.get_all("from") == [f"Secure Mail <{MAILER}>"]
    assert item.header.get_all("sender") == []
    assert [one.address for one in item.reply_to] == ["jane@example.com"]


async def test_mailers_own_tagged_mail_passes(tenant: Tenant):
    await tenant.exchange.submit(MAILER, a_mail(to=BOB, subject="RE: [secure]"))
    assert len(outside(tenant, BOB)) == 1


async def test_encoded_and_folded_subjects_are_read(tenant: Tenant):
    for subject in ("=?utf-8?b?W3NlY3VyZV0=?= x", "a\r\n [SECURE]", "=?utf-8?q?=5Bsec?=\r\n =?utf-8?q?ure=5D?="):
        await tenant.exchange.submit(ALICE, a_mail(to=BOB, subject=subject))
    assert len(inbox(tenant, INTAKE)) == 3
    assert outside(tenant, BOB) == []


async def test_answer_in_a_secure_thread_is_diverted_without_its_tag(tenant: Tenant):
    known = "<0123456789abcdef0123456789abcdef@localhost>"
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, more=f"References: <a@b>\n {known}"))
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, more=f"In-Reply-To: {known}"))
    await tenant.exchange.submit(ALICE, a_mail(to=CAROL, more="References: <a@otherlocalhost>"))
    assert len(inbox(tenant, INTAKE)) == 2
    assert outside(tenant, BOB) == []
    assert len(outside(tenant, CAROL)) == 1


async def test_safety_net_rejects_when_the_first_rule_is_off(tenant: Tenant):
    tenant.exchange.rules[0].is_enabled = False
    await tenant.exchange.submit(ALICE, a_mail(to=f"{BOB}, {BORIS}", subject="[secure]"))
    assert tenant.exchange.outside == {}
    [report] = inbox(tenant, ALICE)
    assert report.subject == "Undeliverable: [secure]"
    assert b"could not be secured and was not sent" in report.mime
    assert len(inbox(tenant, BORIS)) == 1


async def test_rule_that_cannot_be_evaluated_defers_or_lets_go(tenant: Tenant):
    tenant.world.chaos.rule_unavailable = True
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, subject="[secure]"))
    assert tenant.exchange.outside == {}
    assert inbox(tenant, INTAKE) == []
    tenant.world.chaos.rule_unavailable = False
    await tenant.exchange.retry_deferred()
    assert len(inbox(tenant, INTAKE)) == 1
    tenant.world.chaos.rule_unavailable = True
    for rule in tenant.exchange.rules:
        rule.on_error = "Ignore"
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, subject="[secure]"))
    assert len(outside(tenant, BOB)) == 1  # Microsoft's default leaks


async def test_audit_mode_only_writes_down(tenant: Tenant):
    for rule in tenant.exchange.rules:
        rule.mode = "Audit"
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, subject="[secure]"))
    assert len(outside(tenant, BOB)) == 1
    assert tenant.exchange.audited == ["Safemail 1 divert", "Safemail 2 safety net"]


async def test_unknown_inside_address_comes_back_as_a_report(tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(to="nobody@ct.gov", more="Message-ID: <x@ct.gov>", bcc=CAROL))
    [report] = inbox(tenant, ALICE)
    read = message_from_bytes(report.mime)
    assert read.get_content_type() == "multipart/report"
    assert [part.get_content_type() for part in read.walk()][1:3] == ["text/plain", "message/delivery-status"]
    assert b"Final-Recipient: rfc822; nobody@ct.gov" in report.mime
    assert b"Status: 5.1.10" in report.mime
    assert read["In-Reply-To"] == "<x@ct.gov>"
    assert CAROL.encode() not in report.mime


async def test_refusing_server_outside_causes_a_report_and_reports_cause_none(tenant: Tenant):
    tenant.exchange.outside_mailbox(BOB).refuses = True
    await tenant.exchange.submit(MAILER, a_mail(to=BOB))
    assert len(inbox(tenant, MAILER)) == 1
    await tenant.exchange.receive_from_outside(BOB, ["nobody@ct.gov"], a_mail(sender=BOB))
    assert outside(tenant, BOB) == []


async def test_senders_limit_is_exact(tenant: Tenant):
    sent = await tenant.exchange.submit(ALICE, a_mail(to=BOB))
    tenant.exchange.add_mailbox(ALICE, "Alice Ames", max_send=sent.size)
    await tenant.exchange.submit(ALICE, a_mail(to=BOB))
    tenant.exchange.add_mailbox(ALICE, "Alice Ames", max_send=sent.size - 1)
    await tenant.exchange.submit(ALICE, a_mail(to=BOB))
    assert len(outside(tenant, BOB)) == 2
    assert b"Status: 5.3.4" in inbox(tenant, ALICE)[0].mime


async def test_receivers_limit_is_exact(tenant: Tenant):
    await tenant.exchange.submit(ALICE, a_mail(to=BORIS))
    size = inbox(tenant, BORIS)[0].size
    for limit, count in ((size, 2), (size - 1, 2)):
        tenant.exchange.add_mailbox(BORIS, "Boris Bell", max_receive=limit)
        await tenant.exchange.submit(ALICE, a_mail(to=BORIS))
        assert len(inbox(tenant, BORIS)) == count
    assert b"Status: 5.2.3" in inbox(tenant, ALICE)[0].mime


async def test_intake_that_refuses_outsiders_reports_to_them(tenant: Tenant):
    tenant.exchange.add_mailbox(INTAKE, "Secure intake", inside_only=True)
    await tenant.exchange.receive_from_outside(BOB, [INTAKE], a_mail(sender=BOB, to=INTAKE))
    assert inbox(tenant, INTAKE) == []
    assert b"5.7.133" in outside(tenant, BOB)[0]


async def test_absent_person_answers_once_and_never_a_program(tenant: Tenant):
    tenant.exchange.mailboxes[BORIS].auto_reply = "I am away."
    await tenant.exchange.submit(ALICE, a_mail(to=BORIS))
    await tenant.exchange.submit(ALICE, a_mail(to=BORIS))
    await tenant.exchange.submit(MAILER, a_mail(to=BORIS, more="Auto-Submitted: auto-generated"))
    assert [item.subject for item in inbox(tenant, ALICE)] == ["Automatic reply: Hello"]
    assert inbox(tenant, MAILER) == []


async def test_trace_names_every_recipient_or_only_those_delivered(tenant: Tenant):
    mime = a_mail(to=BOB, bcc=CAROL, subject="[secure]")
    await tenant.exchange.submit(ALICE, mime)
    assert {row.recipient for row in tenant.exchange.trace} == {BOB, CAROL, INTAKE}
    assert len({row.id for row in tenant.exchange.trace}) == 1
    tenant.exchange.trace.clear()
    tenant.world.trace_names_diverted = False
    await tenant.exchange.submit(ALICE, mime)
    assert [row.recipient for row in tenant.exchange.trace] == [INTAKE]


async def test_junk_and_late_sent_items(tenant: Tenant):
    tenant.world.deliver_to_junk.add(INTAKE)
    await tenant.exchange.submit(ALICE, a_mail(to=BOB, subject="[secure]"))
    assert len(tenant.exchange.mailboxes[INTAKE].folder("junkemail").items) == 1
    tenant.world.sent_items_delay = timedelta(hours=1)
    mailer = tenant.exchange.mailboxes[MAILER]
    draft = mailer.new_item(a_mail(to=BOB), now=tenant.clock(), is_draft=True)
    mailer.place(draft, mailer.folder("drafts"))
    await tenant.exchange.send_item(mailer, draft)
    assert draft.folder.well_known == "outbox"
    assert len(outside(tenant, BOB)) == 1


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.name)
async def test_bytes_below_the_header_arrive_unchanged(tenant: Tenant, path: Path):
    raw, tenant.exchange.rules = path.read_bytes(), []
    sent = await tenant.exchange.submit(ALICE, raw, [BORIS, BOB])
    assert raw.endswith(sent.rest.lstrip(b"\r\n"))
    for mime in (inbox(tenant, BORIS)[-1].mime, outside(tenant, BOB)[-1]):
        assert mime.endswith(sent.rest)
        read = message_from_bytes(mime)
        assert read.get_content_type() == message_from_bytes(raw).get_content_type()
        assert not read.defects or read.defects[0].__class__ is message_from_bytes(raw).defects[0].__class__


async def test_mail_that_is_empty_or_without_header_is_carried(tenant: Tenant):
    for raw in (b"", b"\r\n", b"just text", b"Subject: only a header"):
        await tenant.exchange.submit(ALICE, raw, [BORIS])
    found = [message_from_bytes(item.mime) for item in inbox(tenant, BORIS)]
    assert [one.get_payload() for one in found] == ["", "", "just text", ""]
    assert found[3]["Subject"] == "only a header"
