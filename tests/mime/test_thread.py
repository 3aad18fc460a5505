from datetime import UTC, datetime

import pytest

from service.mime.thread import is_automatic, read_date, read_message_id, read_references, read_subject

NOW = datetime(2026, 7, 15, tzinfo=UTC)

DATES = [
    ("Tue, 14 Jul 2026 09:30:00 -0400", datetime(2026, 7, 14, 13, 30, tzinfo=UTC)),
    ("14 Jul 2026 09:30 +0200", datetime(2026, 7, 14, 7, 30, tzinfo=UTC)),
    ("Tue, 14 Jul 2026 09:30:00 EST", datetime(2026, 7, 14, 14, 30, tzinfo=UTC)),
    ("Tue, 14 Jul 2026 09:30:00 -0000", datetime(2026, 7, 14, 9, 30, tzinfo=UTC)),
    ("Tue, 14 Jul 2026 09:30:00", datetime(2026, 7, 14, 9, 30, tzinfo=UTC)),
    ("Tue, 14 Jul 2026 09:30:00 (a comment) +0000", None),
    ("Tue, 14 Jul 2026 09:30:60 +0000", datetime(2026, 7, 14, 9, 30, 59, tzinfo=UTC)),
    ("Fri, 17 Jul 2026 09:30:00 +0000", None),
    ("Tue, 14 Jul 1970 09:30:00 +0000", None),
    ("Tue, 14 Jul 0 09:30:00 +0000", None),
    ("Tue, 14 Jul -5 09:30:00 +0000", None),
    ("Tue, 14 Jul 2026 09:30:00 +9900", None),
    ("Thu, 32 Foo 0000 25:61:99 +9999", None),
    ("32 Jul 2026 09:30:00 +0000", None),
    ("yesterday", None),
    ("", None),
    ("Tue, 14 Jul 2026 99999999999999999999:30:00 +0000", None),
    ("\x00\xff", None),
]


@pytest.mark.parametrize(("value", "expected"), DATES)
def test_dates_are_believed_or_not(value, expected):
    found = read_date(f"Date: {value}\r\n".encode("latin-1"), NOW)
    if value.endswith("(a comment) +0000"):
        assert found is None or found.tzinfo is UTC
    else:
        assert found == expected


def test_no_date_is_none():
    assert read_date(b"Subject: x\r\n") is None


IDS = [
    ("Message-ID: <a@b>", "<a@b>"),
    ("Message-ID:  <a@b>  ", "<a@b>"),
    ("Message-ID:\r\n <a@b>", "<a@b>"),
    ("Message-ID: <[0a-[1]]@microsoft.example>", "<[0a-[1]]@microsoft.example>"),
    ("Message-ID: < [a]. [b]@c>", "< [a]. [b]@c>"),
    ("Message-ID: <a@", "<a@"),
    ("Message-ID: <@>", "<@>"),
    ("Message-ID: <>", ""),
    ("Message-ID: <", ""),
    ("Message-ID:", ""),
    ("Message-ID: <a@b>\r\nMessage-ID: <c@d>", "<a@b>"),
    ("Subject: x", ""),
    ("Message-ID: <" + "a" * 2000 + "@b>", "<" + "a" * 997),
]


@pytest.mark.parametrize(("block", "expected"), IDS)
def test_an_id_is_opaque(block, expected):
    assert read_message_id(block.encode()) == expected


def test_a_thread_keeps_its_first_and_its_last_twenty_ids():
    ids = [f"<{number}@x>" for number in range(60)]
    block = f"References: {' '.join(ids)} junk <no id> <\r\nIn-Reply-To: {ids[-1]}\r\n".encode()
    assert read_references(block) == (ids[0], *ids[-20:])
    assert read_references(b"In-Reply-To: <a@b> (from x)\r\nReferences: <c@d><e@f>\r\n") == ("<c@d>", "<e@f>", "<a@b>")
    assert read_references(b"Subject: x\r\n") == ()


AUTOMATIC = [
    ("Auto-Submitted: auto-replied", True),
    ("Auto-Submitted: auto-replied; x=y", True),
    ("Auto-Submitted: auto-generated; x=y", False),
    ("Auto-Submitted: no", False),
    ("Precedence: auto_reply", True),
    ("Precedence: bulk", False),
    ("Precedence: list", False),
    ("List-Id: <x.y>", False),
    ("Return-Path: <>", True),
    ("Return-Path: <a@b>", False),
    ("Content-Type: multipart/report; report-type=disposition-notification", True),
    ("Content-Type: multipart/report; report-type=delivery-status", False),
    ("From: MAILER-DAEMON", True),
    ("From: Mail <mailer-daemon@x.example>", True),
    ("From: a@b.example", False),
]


@pytest.mark.parametrize(("block", "expected"), AUTOMATIC)
def test_what_a_program_answered_is_known(block, expected):
    assert is_automatic(f"{block}\r\nSubject: x\r\n".encode()) is expected


SUBJECTS = [
    (b"Subject: plain", "plain"),
    (b"Subject: =?utf-8?b?w6k=?=\r\n =?utf-8?b?w6k=?=", "éé"),
    (b"Subject: Gr\xfc\xdfe", "Grüße"),
    (b"Subject: =?utf-8?q?a=0D=0ABcc=3A_b?=", "a Bcc: b"),
    (b"Subject : blank", "blank"),
    (b"Subject: one\r\nSubject: two", "one"),
    (b"Subject:", ""),
    (b"", ""),
]


@pytest.mark.parametrize(("block", "expected"), SUBJECTS)
def test_subjects_are_one_line(block, expected):
    assert read_subject(block) == expected
