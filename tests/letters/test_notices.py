"""Notices and reminders: to whom they say what, in both languages; what is not wanted any more is not written."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from service.core.preferences import Preferences, write_preferences
from service.core.states import AccountState, Letter
from service.errors import Refused
from service.letters import formats
from service.letters.branding import Branding
from service.letters.compose import compose
from service.mime.writer import Outgoing
from tests.letters.builders import BRAND, EXPIRES, SENT, TOKEN, Post
from tests.letters.test_compose import Golden

DAY = timedelta(days=1)


async def a_letter(
    post: Post,
    letter: Letter = Letter.REMINDER,
    once: str = "remind/unread/x",
    *,
    account: str = "",
    now: datetime = SENT + 3 * DAY,
    brand: Branding = BRAND,
    delivery: dict[str, Any] | None = None,
    **changes: Any,
) -> Outgoing:
    """Write a notice or reminder; `changes` are the account's."""
    recipient = await post.a_recipient(account=account, **changes)
    message = await post.a_message()
    stored = await post.a_delivery(message, recipient, **(delivery or {}))
    row = post.a_row(letter, {"token": TOKEN}, message_id=message.id, delivery_id=stored.id, recipient_id=recipient.id)
    row.once = once
    return (await compose(post.session, post.sync, row, brand, now, blobs=post.blobs)).outgoing


@pytest.mark.parametrize("account", ["", "en", "es"])
async def test_reminder_says_that_it_waits_and_how_long(post: Post, golden: Golden, account: str):
    mail = await a_letter(post, account=account)
    golden(f"reminder_{account or 'first'}", mail)
    words = ("Todavía le espera", "27 días") if account == "es" else ("Still waiting for you", "27 days")
    assert mail.subject.startswith(words[0])
    assert words[1] in " ".join(mail.text.split())
    assert words[1] in mail.html
    assert mail.html.count("<a ") == mail.html.count("href=") == 1


@pytest.mark.parametrize("language", ["en", "es"])
async def test_notice_to_a_switched_off_account_says_how_to_come_back(post: Post, golden: Golden, language: str):
    mail = await a_letter(post, Letter.NOTICE, "notice/x", account=language, state=AccountState.DISABLED)
    golden(f"notice_disabled_{language}", mail)
    text = " ".join(mail.text.split())
    assert {"en": "we send a code to this address", "es": "enviaremos un código a esta dirección"}[language] in text
    assert "90" in text


@pytest.mark.parametrize("language", ["en", "es"])
async def test_notice_to_a_guest_names_the_code(post: Post, golden: Golden, language: str):
    mail = await a_letter(post, Letter.NOTICE, "notice/x", account=language, state=AccountState.GUEST)
    golden(f"notice_guest_{language}", mail)
    assert {"en": "ask for a code", "es": "pida un código"}[language] in " ".join(mail.text.split())


@pytest.mark.parametrize(("account", "words"), [("", "Offices are closed"), ("es", "Las oficinas están cerradas")])
async def test_announcement_of_the_agency_stands_in_its_language(post: Post, golden: Golden, account: str, words: str):
    brand = replace(
        BRAND,
        announcement_en="Offices are closed on Friday. <b>Call 211</b> for urgent help.",
        announcement_es="Las oficinas están cerradas el viernes. Llame al 211 si es urgente.",
    )
    mail = await a_letter(post, Letter.NOTICE, "notice/x", account=account, brand=brand)
    golden(f"notice_announcement_{account or 'en'}", mail)
    assert words in mail.text
    assert words in mail.html
    assert "<b>Call" not in mail.html


@pytest.mark.parametrize(
    ("account", "subject"),
    [("", "Secure message from the State of Connecticut"), ("es", "Mensaje seguro del Estado de Connecticut")],
)
async def test_agency_that_hides_subjects_has_neutral_ones(post: Post, account: str, subject: str):
    mail = await a_letter(post, Letter.NOTICE, "notice/x", account=account, brand=replace(BRAND, hide_subjects=True))
    assert mail.subject == subject
    assert "benefits" not in mail.text + mail.html


async def test_notice_names_the_checker_in_words_and_links_it_nowhere(post: Post):
    mail = await a_letter(post, Letter.NOTICE, "notice/x")
    assert "safemail.ct.gov/help/real" in mail.text
    assert "safemail.ct.gov/help/real" in mail.html
    assert "/help/real" not in "".join(part.split('"')[0] for part in mail.html.split('href="')[1:])


OFF: dict[str, Any] = {"preferences": write_preferences(Preferences(remind_unread=False))}
OFF_ENDING: dict[str, Any] = {"preferences": write_preferences(Preferences(remind_ending=False))}


@pytest.mark.parametrize(
    ("once", "delivery", "account", "now"),
    [
        ("remind/unread/x", {"read_at": SENT}, {}, SENT),
        ("remind/ending/x", {"read_at": SENT}, {}, SENT),
        ("remind/unread/x", {"answered_at": SENT}, {}, SENT),
        ("remind/unread/x", {"revoked_at": SENT}, {}, SENT),
        ("remind/unread/x", {}, {}, EXPIRES),
        ("remind/unread/x", {}, OFF, SENT),
        ("remind/ending/x", {}, OFF_ENDING, SENT),
    ],
)
async def test_reminder_that_nobody_needs_any_more_is_not_written(
    post: Post, once: str, delivery: dict[str, Any], account: dict[str, Any], now: datetime
):
    with pytest.raises(Refused):
        await a_letter(post, once=once, account="en", delivery=delivery, now=now, **account)


@pytest.mark.parametrize(
    ("once", "account"), [("remind/ending/x", OFF), ("remind/unread/x", OFF_ENDING), ("remind/unread/x", {})]
)
async def test_each_kind_of_reminder_has_its_own_switch(post: Post, once: str, account: dict[str, Any]):
    assert (await a_letter(post, once=once, account="en", **account)).subject.startswith("Still waiting")


async def test_notice_is_written_whatever_reminders_are_wished(post: Post):
    mail = await a_letter(post, Letter.NOTICE, "notice/x", account="en", delivery={"read_at": SENT}, **OFF)
    assert mail.subject.startswith("Secure message")


async def test_reminder_whose_reader_is_gone_is_not_needed(post: Post):
    row = post.a_row(Letter.REMINDER, {"token": TOKEN})
    with pytest.raises(Refused):
        await compose(post.session, post.sync, row, BRAND, SENT, blobs=post.blobs)


@pytest.mark.parametrize(
    ("left", "english", "spanish"),
    [
        (timedelta(days=27), "27 days left", "quedan 27 días"),
        (timedelta(days=27) - timedelta(seconds=1), "26 days left", "quedan 26 días"),
        (timedelta(days=2), "2 days left", "quedan 2 días"),
        (timedelta(days=2) - timedelta(seconds=1), "47 hours left", "quedan 47 horas"),
        (timedelta(hours=24), "1 day left", "queda 1 día"),
        (timedelta(hours=1), "1 hour left", "queda 1 hora"),
        (timedelta(hours=1) - timedelta(seconds=1), "less than 1 hour left", "queda menos de 1 hora"),
        (timedelta(0), "less than 1 hour left", "queda menos de 1 hora"),
    ],
)
def test_time_left_is_told_in_whole_ones(left: timedelta, english: str, spanish: str):
    assert formats.left(left) == english
    assert formats.left(left, "es") == spanish
