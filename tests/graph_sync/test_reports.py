"""Delivery reports are read as far as they can be, whoever wrote them."""

import pytest

from graph_sync.reports import Report, Unreached, is_report, read_report

HOST = "secure.example"
ROW = "0123456789abcdef0123456789abcdef"
RETURNED = f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{ROW}@{HOST}>\r\n\r\n--b--\r\n"


def a_report(*groups: str, kind: str = "message/delivery-status", returned: str = RETURNED) -> bytes:
    status = "\r\n\r\n".join(("Reporting-MTA: dns; mail.example", *groups))
    return f"--b\r\nContent-Type: {kind}\r\n\r\n{status}\r\n\r\n--b\r\n{returned}".encode()


def unreached(*groups: str, **more: str) -> tuple[Unreached, ...]:
    found = read_report(a_report(*groups, **more), HOST)
    assert found is not None
    assert found.row_id.hex == ROW
    return found.unreached


FAILED = "Final-Recipient: rfc822; a@ct.gov\r\nAction: failed\r\nStatus: 5.1.10"


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (FAILED, Unreached(("a@ct.gov",), "5.1.10")),
        ("Final-Recipient: RFC822;\r\n <a@ct.gov>\r\nAction: Failed\r\nStatus: 5.2.2 (full)",
         Unreached(("a@ct.gov",), "5.2.2")),
        ("Original-Recipient: rfc822;alias@ct.gov\r\n" + FAILED, Unreached(("alias@ct.gov", "a@ct.gov"), "5.1.10")),
        ("Final-Recipient: utf-8; á@ct.gov\r\nAction: failed\r\nStatus: 5.1.1", Unreached(("á@ct.gov",), "5.1.1")),
        ("Final-Recipient: rfc822; a@ct.gov\r\nAction: failed", Unreached(("a@ct.gov",), "")),
        ("Final-Recipient: rfc822; a@ct.gov\r\nAction: failed\r\nStatus: 2.0.0\r\nStatus: x",
         Unreached(("a@ct.gov",), "2.0.0")),
    ],
)  # fmt: skip
def test_one_recipient_is_read_by_all_its_names(group: str, expected: Unreached):
    assert unreached(group) == (expected,)


@pytest.mark.parametrize(
    "group",
    [
        "Final-Recipient: rfc822; a@ct.gov\r\nAction: delayed\r\nStatus: 4.4.7",
        "Final-Recipient: rfc822; a@ct.gov\r\nAction: relayed\r\nStatus: 2.0.0",
        "Final-Recipient: rfc822; a@ct.gov\r\nStatus: 5.1.1",
        "Action: failed\r\nStatus: 5.1.1",
        "Final-Recipient: rfc822;\r\nAction: failed",
    ],
)
def test_what_is_no_failure_of_somebody_is_none(group: str):
    assert unreached(group) == ()


def test_each_group_counts_and_what_stands_in_other_parts_does_not():
    other = FAILED.replace("a@", "b@")
    assert [one.addresses for one in unreached(FAILED, other)] == [("a@ct.gov",), ("b@ct.gov",)]
    assert unreached(returned=RETURNED.replace("\r\n--b--", f"{FAILED}\r\n\r\n--b--")) == ()
    assert unreached(FAILED, kind="text/plain") == ()
    assert unreached(FAILED, kind="message/global-delivery-status") != ()


def test_mail_whose_message_id_exchange_changed_is_known_by_its_row():
    returned = f"Content-Type: message/rfc822\r\n\r\nMessage-ID: <x@prod>\r\nX-Safemail-Row: {ROW}\r\n\r\n"
    assert unreached(FAILED, returned=returned) != ()


@pytest.mark.parametrize("other", ["Message-ID: <0@secure.example>", f"Message-ID: <{ROW}@evil.example>", "Subject: x"])
def test_a_report_of_others_mail_is_none_of_ours(other: str):
    found: Report | None = read_report(a_report(FAILED, returned=f"\r\n{other}\r\n"), HOST)
    assert found is None


@pytest.mark.parametrize("size", [0, 1, 50, 100_000])
def test_a_cut_or_empty_report_breaks_nothing(size: int):
    whole = a_report(*[FAILED] * 2000)
    read_report(whole[:size], HOST)
    assert is_report(b'Content-Type: multipart/report; report-type="delivery-status"; boundary=b\r\n\r\n')
    assert not is_report(b"Content-Type: multipart/report; report-type=disposition-notification\r\n\r\n")
