"""Every letter as it leaves us. `golden/` holds what a person has read and found right."""

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import parseaddr
from typing import Any

import pytest

from service.core.sheet import Person, Role, Sheet
from service.core.states import Bcc, Letter, NotDelivered
from service.db.tables import Outbox
from service.errors import Broken, Refused, SealBroken
from service.letters.branding import Branding
from service.letters.compose import BODIES_BYTES, Composed, compose
from service.letters.written import reply_payload
from service.mime.writer import Outgoing, write_mail
from service.vault.box import seal_box
from tests.letters.builders import BRAND, EXPIRES, MARIA, ROSA, SENT, SUBJECT, TOKEN, WRITER, Post, a_part, a_sheet

Golden = Callable[[str, Outgoing], None]
NOW = SENT + timedelta(minutes=1)
LINK = f"https://safemail.ct.gov/d/{TOKEN}"


async def write(post: Post, row: Outbox, brand: Branding = BRAND) -> Composed:
    return await compose(post.session, post.sync, row, brand, NOW, blobs=post.blobs)


async def a_notice(post: Post, *, account: str = "", brand: Branding = BRAND, **sheet) -> Outgoing:
    recipient = await post.a_recipient(account=account)
    message = await post.a_message(a_sheet(**sheet))
    delivery = await post.a_delivery(message, recipient)
    row = post.a_row(
        Letter.NOTICE, {"token": TOKEN}, message_id=message.id, delivery_id=delivery.id, recipient_id=recipient.id
    )
    return (await write(post, row, brand)).outgoing


async def a_receipt(post: Post, *, inside: tuple[str, ...] = (), brand: Branding = BRAND, sheet=None, **message):
    stored = await post.a_message(sheet, **message)
    row = post.a_row(Letter.RECEIPT_SECURED, {"inside": list(inside)} if inside else None, message_id=stored.id)
    return (await write(post, row, brand)).outgoing


def told(reason: NotDelivered, **changes: Any) -> dict[str, Any]:
    return {
        "reason": reason.value,
        "to": MARIA.address,
        "sender_name": MARIA.name,
        "subject": SUBJECT,
        "recipients": [ROSA.address],
        "sent_at": SENT.isoformat(),
        "over_by": 0,
        "size": 0,
        **changes,
    }


async def test_notice_of_a_first_message(post: Post, golden: Golden):
    mail = await a_notice(post)
    golden("notice_first", mail)
    assert mail.to == (Person("", ROSA.address),)
    assert "First time here?" in mail.text
    assert "EN ESPAÑOL" in mail.text


async def test_notice_to_an_account_names_its_password(post: Post, golden: Golden):
    mail = await a_notice(post, account="en")
    golden("notice_account", mail)
    assert "Use your password to read the message." in mail.text
    assert "First time" not in mail.text + mail.html


async def test_notice_to_a_spanish_account_is_spanish_throughout(post: Post, golden: Golden):
    mail = await a_notice(post, account="es")
    golden("notice_spanish", mail)
    assert mail.subject == "Mensaje seguro de Maria Delgado, Estado de Connecticut"
    assert '<html lang="es">' in mail.html


async def test_notice_carries_one_link_to_the_portals_own_host(post: Post):
    mail = await a_notice(post)
    assert mail.html.count("<a ") == mail.html.count("href=") == 1
    assert f'href="{LINK}"' in mail.html
    assert "<b>https://safemail.ct.gov</b>/d/" in mail.html  # and written out
    assert mail.text.count("/d/") == 1
    assert LINK in mail.text.splitlines()


async def test_letters_need_no_picture_script_or_style_sheet(post: Post):
    mail = await a_notice(post)
    for never in ("<img", "<script", "<style", "<link", "background:", "url(", "http://"):
        assert never not in mail.html


async def test_notice_keeps_the_subject_back_where_the_agency_wants_that(post: Post):
    mail = await a_notice(post, brand=replace(BRAND, hide_subjects=True))
    assert "benefits" not in mail.text + mail.html + mail.subject
    assert "Subject:" not in mail.text


async def test_notice_without_a_senders_name_shows_the_address_once(post: Post):
    mail = await a_notice(post, sender=Person("", MARIA.address))
    assert mail.subject == "Secure message from maria.delgado@ct.gov, State of Connecticut"
    assert "From:          maria.delgado@ct.gov\n" in mail.text


async def test_notice_calls_the_sender_by_first_name_whatever_the_directorys_order(post: Post):
    mail = await a_notice(post, sender=Person("Delgado, Maria (DSS)", MARIA.address))
    assert "To answer Maria, open the message." in mail.text


async def test_notice_without_files_or_subject_says_so(post: Post):
    mail = await a_notice(post, parts=(), subject="")
    assert "Files:         none\n" in mail.text
    assert "Subject:       -\n" in mail.text


async def test_pictures_in_the_text_are_no_files_of_a_notice(post: Post):
    parts = (a_part(1, "logo.png", 900, role=Role.INLINE), a_part(2, "lease.pdf", 900))
    assert "Files:         1 file, 1 KB\n" in (await a_notice(post, parts=parts)).text


async def test_long_subject_wraps_and_is_never_cut(post: Post, golden: Golden):
    subject = "[secure] " + "A subject that somebody pasted a whole paragraph into, and then some more. " * 8
    mail = await a_notice(post, subject=subject + "END-" + "w" * 120)
    golden("notice_long", mail)
    assert "END-" + "w" * 120 in mail.text.replace("\n" + " " * 15, " ")
    assert max(len(line) for line in mail.text.splitlines() if "www" not in line and "/d/" not in line) <= 72


@pytest.mark.parametrize("change", ["revoked_at", "expired"])
async def test_notice_that_has_nothing_to_tell_any_more_is_refused(post: Post, change: str):
    recipient = await post.a_recipient()
    message = await post.a_message(expires_at=NOW if change == "expired" else EXPIRES)
    delivery = await post.a_delivery(message, recipient, **({"revoked_at": SENT} if change == "revoked_at" else {}))
    row = post.a_row(Letter.NOTICE, {"token": TOKEN}, message_id=message.id, delivery_id=delivery.id)
    with pytest.raises(Refused):
        await write(post, row)


async def test_receipt_lists_what_was_secured(post: Post, golden: Golden):
    mail = await a_receipt(post, inside=("anna.kowalski@ct.gov",))
    golden("receipt_secured", mail)
    assert mail.subject == "Secure Message Sent"
    assert mail.to == (MARIA,)
    assert "SENT:          09/22/2026 08:22:37 EDT\n" in mail.text
    assert "BCC:           none\n" in mail.text
    assert "Proof of income form.pdf (412 KB)\n" in mail.text
    assert "href" not in mail.html


async def test_receipt_after_late_blind_copies_says_that_it_takes_the_firsts_place(post: Post, golden: Golden):
    message = await post.a_message(blind=["p@example.net"])
    row = post.a_row(Letter.RECEIPT_SECURED, {"late": True}, message_id=message.id)
    mail = (await write(post, row)).outgoing
    golden("receipt_secured_late", mail)
    assert "takes the place of the first receipt" in " ".join(mail.text.split())


@pytest.mark.parametrize(
    ("count", "words"), [(20, "when each outside recipient first reads"), (21, "for each hour in which outside")]
)
async def test_receipt_says_how_readings_are_told(post: Post, count: int, words: str):
    message = await post.a_message()
    for number in range(count):
        recipient = await post.a_recipient(f"r{number}@example.com")
        await post.a_delivery(message, recipient, token_hash=bytes([number]))
    mail = (await write(post, post.a_row(Letter.RECEIPT_SECURED, message_id=message.id))).outgoing
    assert words in " ".join(mail.text.split())
    assert words in mail.html


@pytest.mark.parametrize(
    ("message", "brand", "line"),
    [
        (
            {"blind": ["p@example.net", "q@example.net"]},
            BRAND,
            "BCC:           p@example.net\n               q@example.net",
        ),
        ({"bcc": Bcc.UNREADABLE}, BRAND, "BCC:           could not be read\n"),
        (
            {},
            replace(BRAND, bcc_is_looked_up=False),
            "BCC:           not listed: blind copies are not looked up here\n",
        ),
    ],
)
async def test_receipt_says_what_became_of_blind_copies(
    post: Post, message: dict[str, Any], brand: Branding, line: str
):
    assert line in (await a_receipt(post, brand=brand, **message)).text


async def test_receipt_is_in_the_states_winter_time_too(post: Post):
    mail = await a_receipt(post, sheet=a_sheet(sent_at=SENT.replace(month=12)))
    assert "SENT:          12/22/2026 07:22:37 EST\n" in mail.text


async def test_receipt_of_reading_names_the_reader_as_the_sender_did(post: Post, golden: Golden):
    message, recipient = await post.a_message(), await post.a_recipient("Rosa.Jimenez@EXAMPLE.com")
    row = post.a_row(
        Letter.RECEIPT_READ,
        {"read_at": "2026-09-23T13:05:09+00:00"},
        message_id=message.id,
        recipient_id=recipient.id,
    )
    mail = (await write(post, row)).outgoing
    golden("receipt_read", mail)
    assert mail.subject == "Secure Message Read: Rosa Jimenez"
    assert "09/23/2026 09:05:09 EDT" in mail.text


async def test_receipt_of_reading_by_many_names_those_of_its_hour(post: Post, golden: Golden):
    message = await post.a_message()
    hour = SENT.replace(minute=0, second=0)
    read_at = [hour - timedelta(seconds=1), hour, hour + timedelta(minutes=59, seconds=59), hour + timedelta(hours=1)]
    for address, at in zip(("early@x.example", ROSA.address, "p@example.net", "late@x.example"), read_at, strict=True):
        await post.a_delivery(message, await post.a_recipient(address), token_hash=address.encode(), read_at=at)
    row = post.a_row(Letter.RECEIPT_READ, {"hour": hour.isoformat()}, message_id=message.id)
    mail = (await write(post, row)).outgoing
    golden("receipt_read_many", mail)
    assert mail.subject == "Secure Message Read: 2 people"
    assert "Rosa Jimenez <rosa.jimenez@example.com>, 09/22/2026 08:00:00 EDT" in " ".join(mail.text.split())
    assert "x.example" not in mail.text


async def test_receipt_of_an_hour_with_one_reader_is_the_one_of_a_reader(post: Post):
    message = await post.a_message()
    await post.a_delivery(message, await post.a_recipient(), read_at=SENT)
    row = post.a_row(Letter.RECEIPT_READ, {"hour": SENT.replace(minute=0, second=0).isoformat()}, message_id=message.id)
    assert (await write(post, row)).outgoing.subject == "Secure Message Read: Rosa Jimenez"


async def test_receipt_of_an_hour_whose_readers_are_gone_is_not_written(post: Post):
    message = await post.a_message()
    row = post.a_row(Letter.RECEIPT_READ, {"hour": SENT.isoformat()}, message_id=message.id)
    with pytest.raises(Refused):
        await write(post, row)


async def test_receipt_of_reading_by_a_blind_copy_shows_the_address(post: Post):
    message, recipient = await post.a_message(), await post.a_recipient("p@example.net")
    row = post.a_row(
        Letter.RECEIPT_READ, {"read_at": SENT.isoformat()}, message_id=message.id, recipient_id=recipient.id
    )
    assert (await write(post, row)).outgoing.subject == "Secure Message Read: p@example.net"


@pytest.mark.parametrize(
    ("reason", "changes", "why"),
    [
        (NotDelivered.TOO_BIG, {"size": 38_000_000, "over_by": 1_299_840}, "over 35 MB"),
        (NotDelivered.NOBODY_OUTSIDE, {"recipients": ["anna.kowalski@ct.gov"]}, "no outside recipient"),
        (NotDelivered.BCC_UNREADABLE, {}, "Bcc could not be read"),
        (NotDelivered.BOUNCED, {}, "rosa.jimenez@example.com could not be reached"),
    ],
)
async def test_sender_is_told_why_and_what_to_do(
    post: Post, golden: Golden, reason: NotDelivered, changes: dict[str, Any], why: str
):
    message = await post.a_message() if reason in {NotDelivered.BCC_UNREADABLE, NotDelivered.BOUNCED} else None
    row = post.a_row(Letter.RECEIPT_NOT_DELIVERED, told(reason, **changes), message_id=message.id if message else None)
    mail = (await write(post, row)).outgoing
    golden(f"not_delivered_{reason}", mail)
    assert mail.subject == f"Secure Message Not Delivered: {why}"
    assert mail.to == (MARIA,)


async def test_every_reason_has_its_words(post: Post):
    for reason in NotDelivered:
        row = post.a_row(Letter.RECEIPT_NOT_DELIVERED, told(reason, size=40_000_000, over_by=1))
        assert "{" not in (await write(post, row)).outgoing.text


@pytest.mark.parametrize(
    ("name", "unread", "words"),
    [
        ("one", ["Rosa Jimenez <rosa.jimenez@example.com>"], "Rosa Jimenez <rosa.jimenez@example.com> did not read"),
        ("many", ["Rosa Jimenez <rosa.jimenez@example.com>", "p@example.net"], "2 recipients did not read"),
    ],
)
async def test_sender_is_told_who_did_not_read_before_the_date(
    post: Post, golden: Golden, name: str, unread: list[str], words: str
):
    payload = {
        "to": MARIA.address,
        "sender_name": MARIA.name,
        "subject": SUBJECT,
        "unread": unread,
        "sent_at": SENT.isoformat(),
        "expired_at": EXPIRES.isoformat(),
        "reference": "7K4M2QX9",
    }
    mail = (await write(post, post.a_row(Letter.RECEIPT_EXPIRED, payload))).outgoing
    golden(f"receipt_expired_{name}", mail)
    assert mail.subject == "Secure Message Expired Unread"
    assert words in " ".join(mail.text.split())
    assert "href" not in mail.html


@pytest.mark.parametrize("language", ["", "en", "es"])
async def test_answer_to_an_answer_leads_to_the_portal_and_quotes_nothing(post: Post, golden: Golden, language: str):
    payload = {"to": ROSA.address, "language": language, "answers": "<theirs@example.com>"}
    mail = (await write(post, post.a_row(Letter.ANSWER, payload))).outgoing
    golden(f"answer_{language or 'unknown'}", mail)
    assert dict(mail.headers) == {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}
    assert (mail.in_reply_to, mail.references) == ("<theirs@example.com>", ("<theirs@example.com>",))
    assert mail.html.count("<a ") == mail.text.count("https://") == 1
    assert ("EN ESPAÑOL" in mail.text) is (language == "")


@pytest.mark.parametrize("language", ["en", "es"])
async def test_code_letter_in_both_languages(post: Post, golden: Golden, language: str):
    row = post.a_row(Letter.CODE, {"to": ROSA.address, "code": "083172", "language": language})
    mail = (await write(post, row)).outgoing
    golden(f"code_{language}", mail)
    assert "083172" not in mail.subject  # lock screens show subjects
    assert "083172" in mail.text.splitlines()
    assert "href" not in mail.html


async def test_letters_are_marked_as_automatic(post: Post):
    raw = write_mail(await a_notice(post))
    assert b"\r\nAuto-Submitted: auto-generated\r\n" in raw
    assert b"\r\nX-Auto-Response-Suppress: All\r\n" in raw
    assert b"\r\nMessage-ID: <00000000000000000000000000000007@safemail.ct.gov>\r\n" in raw
    assert b'\r\nFrom: "Safemail, State of Connecticut" <safemail@ct.gov>\r\n' in b"\r\n" + raw


def a_reply_sheet(**changes: Any) -> Sheet:
    values = {
        "sender": Person("Rosa Jiménez", ROSA.address),
        "to": (MARIA,),
        "cc": (Person("Anna Kowalski", "anna.kowalski@ct.gov"),),
        "subject": "RE: " + SUBJECT,
        "references": ("<first@ct.gov>", "<second@ct.gov>"),
        **changes,
    }
    return a_sheet(**values)


async def test_reply_comes_from_the_mailbox_and_answers_go_to_the_writer(post: Post, golden: Golden):
    message = await post.a_reply(
        a_reply_sheet(), "Hello Maria,\nhere it is.\n\n> old & <older>\n\nRosa", [b"one", b"two"]
    )
    composed = await write(post, post.a_reply_row(message))
    mail = composed.outgoing
    golden("reply", mail)
    assert mail.from_ == Person("Safemail, State of Connecticut", "safemail@ct.gov")
    assert mail.reply_to == (Person("Rosa Jiménez", ROSA.address),)
    assert (mail.in_reply_to, mail.references) == ("<second@ct.gov>", ("<first@ct.gov>", "<second@ct.gov>"))
    assert mail.subject == "RE: " + SUBJECT
    assert mail.text.startswith("Written by rosa.jimenez@example.com on the secure portal, safemail.ct.gov.\n")
    assert "Auto-Submitted" not in dict(mail.headers)  # a person wrote it
    assert [part.blob for part in composed.attachments] == ["file-1", "file-2"]
    assert composed.message_id == message.id
    assert "content_key" not in repr(composed)


async def test_reply_written_as_html_is_cleaned_and_has_its_text(post: Post):
    body = '<p onclick="x()">One <b>bold</b> &amp; more</p><script>alert(1)</script><p><img src="http://e">Two</p>'
    message = await post.a_reply(a_reply_sheet(), body, type_="text/html")
    mail = (await write(post, post.a_reply_row(message))).outgoing
    assert mail.text.endswith("\n\nOne bold & more\nTwo\n")
    assert "<p>One <b>bold</b> &amp; more</p>" in mail.html
    for never in ("onclick", "script", "<img", "alert"):
        assert never not in mail.html


@pytest.mark.parametrize(("over", "is_rich"), [(0, True), (1, False)])
async def test_reply_fits_into_a_request_or_goes_as_plain_text(post: Post, *, over: int, is_rich: bool):
    """One that is longer keeps all its words and loses its formatting."""
    small = await post.a_reply(a_reply_sheet(), "<div>x</div>", type_="text/html")
    frame = (await write(post, post.a_reply_row(small))).outgoing
    around = len(frame.text.encode()) + len(frame.html.encode()) - 2
    length = (BODIES_BYTES - around) // 2 + over
    body = f"<div>{'x' * length}</div>"
    row = post.a_reply_row(await post.a_reply(a_reply_sheet(), body, type_="text/html", reference="REP3REP3"))
    mail = (await write(post, row)).outgoing
    assert "x" * length in mail.text
    assert bool(mail.html) is is_rich
    assert len(base64.b64encode(write_mail(mail))) < 4_000_000


async def test_reply_that_the_portal_did_not_queue_is_not_sent(post: Post):
    """Whoever can write to the database has the mailer's public key too: the boxes alone prove nothing."""
    message = await post.a_reply(a_reply_sheet(), "send money")
    other = await post.a_reply(a_reply_sheet(), "hello", reference="REP2REP2")
    proof = reply_payload(post.rings["portal"], message, WRITER)
    others = reply_payload(post.rings["portal"], other, WRITER)
    for payload, writer in (
        (None, WRITER),
        ({"written": ""}, WRITER),
        ({"written": "no hex"}, WRITER),
        ({"written": "00" * 32}, WRITER),
        (others, WRITER),
        (proof, uuid.UUID(int=9)),
        (proof, None),
    ):
        row = post.a_row(Letter.REPLY, payload, message_id=message.id, recipient_id=writer)
        with pytest.raises(SealBroken):
            await write(post, row)
    assert await write(post, post.a_row(Letter.REPLY, proof, message_id=message.id, recipient_id=WRITER))


async def test_reply_whose_sheet_was_changed_is_not_sent(post: Post):
    message = await post.a_reply(a_reply_sheet(), "hello")
    row = post.a_reply_row(message)
    other = await post.a_reply(a_reply_sheet(subject="another"), "hello", reference="REP2REP2")
    message.sheet, message.keys_mailer = other.sheet, other.keys_mailer
    with pytest.raises(SealBroken):
        await write(post, row)


async def test_reply_without_words_is_sent_with_its_files(post: Post):
    message = await post.a_reply(a_reply_sheet(references=()), "", [b"x"])
    composed = await write(post, post.a_reply_row(message))
    assert composed.outgoing.in_reply_to == ""
    assert len(composed.attachments) == 1


async def test_a_letter_whose_row_is_gone_is_broken_not_half_written(post: Post):
    with pytest.raises(Broken):
        await write(post, post.a_row(Letter.REPLY))


async def test_account_letter_without_its_account_is_broken(post: Post):
    with pytest.raises(Broken):
        await write(post, post.a_row(Letter.ACCOUNT, {"kind": "reset"}))


async def test_a_received_message_is_never_composed_as_a_reply(post: Post):
    message = await post.a_message()
    with pytest.raises(Broken):
        await write(post, post.a_row(Letter.REPLY, message_id=message.id))


async def test_a_sheet_that_sync_did_not_sign_is_not_believed(post: Post):
    for signature in (None, b"", post.sync.sign(b"another")):
        message = await post.a_message(sheet_signature=signature, reference=str(signature)[:8])
        with pytest.raises(SealBroken):
            await write(post, post.a_row(Letter.RECEIPT_SECURED, message_id=message.id))


async def test_a_message_whose_keys_are_shredded_gets_no_letter(post: Post):
    message = await post.a_message(keys_mailer=None)
    with pytest.raises(Broken):
        await write(post, post.a_row(Letter.RECEIPT_SECURED, message_id=message.id))


async def test_portal_cannot_compose(post: Post):
    message = await post.a_message()
    row = post.a_row(Letter.RECEIPT_SECURED, message_id=message.id)
    with pytest.raises(Broken):
        await compose(post.session, post.rings["portal"], row, BRAND, NOW, blobs=post.blobs)


@pytest.mark.parametrize(
    "address", ["", "maria", "maria@ct.gov, eve@example.com", '"m x"@ct.gov', "m@ct.gov\r\nBcc: e@x.example"]
)
async def test_an_address_that_cannot_be_written_is_broken_not_guessed_at(post: Post, address: str):
    with pytest.raises(Broken):
        await a_receipt(post, sheet=a_sheet(sender=Person("Maria", address)))


EVIL = {
    "line breaks": "Eve\r\nBcc: everybody@example.com\r\n\r\nfirst line of a body",
    "line separators": "Eve\u2028Bcc: everybody@example.com\x85X: y\x0bz\x00",
    "a second address": 'Eve <governor@ct.gov>, "Eve',
    "an encoded word": "=?utf-8?q?Governor=0D=0ABcc:_x?=",
    "right to left": "Eve \u202egov.tc\u202c",
    "markup": "</td><script>alert(1)</script><a href='https://evil.example/'>click</a>",
    "a template": "{{ brand }}{% for x in y %}",
    "surrogates": "Eve \udcff\ud800",
    "much": "E" * 5000,
}


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
async def test_foreign_strings_stay_in_their_place(post: Post, evil: str):
    text = evil.encode("utf-8", "replace").decode() if "\udcff" in evil else evil
    sheet = a_sheet(sender=Person(text, MARIA.address), subject=text, to=(Person(text, ROSA.address),))
    notice = await a_notice(post, sender=sheet.sender, subject=text)
    receipt = await a_receipt(post, sheet=sheet, inside=(text,), reference="SECONDON")
    reply = await post.a_reply(a_reply_sheet(sender=Person(text, ROSA.address), subject=text, cc=sheet.to), text)
    row = post.a_row(Letter.RECEIPT_NOT_DELIVERED, told(NotDelivered.BOUNCED, subject=text, recipients=[text]))
    mails = [
        notice,
        receipt,
        (await write(post, post.a_reply_row(reply))).outgoing,
        (await write(post, row)).outgoing,
    ]
    allowed = {
        "From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version",
        "Content-Type", "Auto-Submitted", "X-Auto-Response-Suppress",
    }  # fmt: skip
    for mail in mails:
        raw = write_mail(mail)
        head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
        names = [line.partition(":")[0] for line in head.split("\r\n") if not line.startswith(" ")]
        assert set(names) <= allowed
        assert len(names) == len(set(names))
        assert parseaddr(head.split("From: ")[1].split("\r\n")[0])[1] == "safemail@ct.gov"
        assert "<script" not in mail.html
        assert "evil.example/'>" not in mail.html
        assert mail.html.count("<a ") == (1 if mail is notice else 0)
    for mail in mails[:2]:  # no line of the text begins with foreign words but where ours put them
        assert not any(line.startswith(("Bcc:", "first line")) for line in mail.text.splitlines())


async def test_what_we_did_not_put_into_the_outbox_is_not_written(post: Post):
    """The mailer's public key is no secret: a box that opens is not yet ours."""
    told_code = {"to": "eve@example.net", "code": "083172", "language": "en"}
    row = post.a_row(Letter.CODE, told_code)
    assert (await write(post, row)).outgoing.to == (Person("", "eve@example.net"),)
    place, content = f"outbox/{row.id.hex}", json.dumps(told_code).encode()
    for forged in (content, bytes(32) + content, b""):
        row.payload = seal_box(post.sync, "mailer", place, forged)
        with pytest.raises(SealBroken):
            await write(post, row)
    moved = post.a_row(Letter.CODE, told_code)
    moved.letter = Letter.RECEIPT_NOT_DELIVERED
    with pytest.raises(SealBroken):
        await write(post, moved)
