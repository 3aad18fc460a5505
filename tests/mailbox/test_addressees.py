"""Who gets a reply."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.core.addresses import InsideDomains
from service.core.rules import AS_SHIPPED
from service.core.sheet import Person, Sheet
from service.core.states import MessageKind
from service.mailbox.addressees import (
    Why,
    answer_to,
    check_people,
    each_once,
    over_count,
    read_people,
    written,
)
from service.mailbox.replies import reply_subject

INSIDE = InsideDomains.of(["ct.gov", "po.state.ct.us"])
ALICE, DAVE, ERIN = Person("Alice", "alice@ct.gov"), Person("", "dave@ct.gov"), Person("Erin", "erin@po.state.ct.us")
BOB, PAT = Person("Bob", "bob@example.com"), Person("Pat", "pat@gmail.example")
SHEET = Sheet("[secure] x", ALICE, datetime(2026, 11, 24, tzinfo=UTC), to=(BOB, DAVE, PAT), cc=(ERIN, ALICE))


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("alice@ct.gov", [("", "alice@ct.gov")]),
        ("Alice <alice@ct.gov>; dave@ct.gov,\n erin@po.state.ct.us", [
            ("Alice", "alice@ct.gov"), ("", "dave@ct.gov"), ("", "erin@po.state.ct.us")]),
        ('"Example, Alice" <alice@ct.gov>', [("Example, Alice", "alice@ct.gov")]),
        (" , ;; ", []),
        ("alice", [("", "alice")]),
        ("alice@ct.gov dave@ct.gov", [("", "alice@ct.gov"), ("", "dave@ct.gov")]),
        ("Bob alice@ct.gov dave@ct.gov", [("", "Bob alice@ct.gov dave@ct.gov")]),
        ("a@ct.gov,b", [("", "a@ct.gov"), ("", "b")]),
    ],
)  # fmt: skip
def test_what_was_typed_is_read_and_nothing_dropped(typed: str, read: list[tuple[str, str]]) -> None:
    assert [(one.name, one.address) for one in read_people(typed)] == read


@pytest.mark.parametrize("name", ["", "Alice", "Example, Alice", 'The "Boss"', "A; B", "a\\b", "x@y.example"])
def test_what_is_written_reads_as_the_same_address(name: str) -> None:
    [read] = read_people(written([Person(name, "alice@ct.gov")]))
    assert read.address == "alice@ct.gov"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("alice@ct.gov", None),
        ("ALICE@CT.GOV", None),
        ("alice@po.state.ct.us", None),
        ("alice@sub.ct.gov", Why.OUTSIDE),
        ("alice@ct.gov.example", Why.OUTSIDE),
        ("alice@xct.gov", Why.OUTSIDE),
        ("pat@gmail.example", Why.OUTSIDE),
        ("alice@ct.gov@gmail.example", Why.UNREADABLE),
        ("alice", Why.UNREADABLE),
        ("", Why.UNREADABLE),
        ("alice@ct.gov, pat@gmail.example", Why.UNREADABLE),
        ("alice@ct.gov\r\nBcc: pat@gmail.example", Why.UNREADABLE),
        ("mailer@ct.gov", Why.OURS),
    ],
)
def test_only_inside_addresses_pass(address: str, why: Why | None) -> None:
    refused = check_people([Person("", address)], INSIDE, frozenset({"mailer@ct.gov"}))
    assert [one.why for one in refused] == ([why] if why else [])


def test_a_reply_goes_to_the_sender_alone() -> None:
    answer = answer_to(SHEET, MessageKind.RECEIVED, BOB, INSIDE, everyone=False)
    assert (answer.to, answer.cc, answer.left_out) == ((ALICE,), (), ())


def test_a_reply_to_all_leaves_out_the_outside_and_oneself() -> None:
    answer = answer_to(SHEET, MessageKind.RECEIVED, BOB, INSIDE, everyone=True)
    assert (answer.to, answer.cc, answer.left_out) == ((ALICE, DAVE), (ERIN,), (PAT,))


def test_reply_to_counts_where_it_is_inside() -> None:
    sheet = replace(SHEET, reply_to=(ERIN, PAT))
    assert answer_to(sheet, MessageKind.RECEIVED, BOB, INSIDE, everyone=False).to == (ERIN,)
    outside = replace(SHEET, reply_to=(PAT,))
    assert answer_to(outside, MessageKind.RECEIVED, BOB, INSIDE, everyone=False).to == (ALICE,)
    everyone = answer_to(sheet, MessageKind.RECEIVED, BOB, INSIDE, everyone=True)
    assert set(everyone.to) == {ERIN, ALICE, DAVE}


def test_ones_own_reply_is_answered_to_those_who_got_it() -> None:
    sheet = Sheet("x", BOB, SHEET.sent_at, to=(ALICE,), cc=(DAVE, BOB))
    assert answer_to(sheet, MessageKind.REPLY, BOB, INSIDE, everyone=False).to == (ALICE,)
    assert answer_to(sheet, MessageKind.REPLY, BOB, INSIDE, everyone=True).cc == (DAVE,)


def test_an_address_counts_once_however_it_is_spelt() -> None:
    twice = Person("A", "Alice@CT.gov")
    assert each_once([ALICE, twice]) == (ALICE,)
    assert over_count([Person("", f"a{n}@ct.gov") for n in range(20)], [Person("", "A1@ct.gov")], AS_SHIPPED) == 0
    assert over_count([Person("", f"a{n}@ct.gov") for n in range(20)], [ALICE], AS_SHIPPED) == 1


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("[secure] x", "RE: [secure] x"),
        ("RE: [secure] x", "RE: [secure] x"),
        ("x", "[secure] RE: x"),
        ("", "[secure] RE:"),
        ("Re: x [ Secure ]", "Re: x [ Secure ]"),
        ("x\r\nBcc: a@b.example", "[secure] RE: x Bcc: a@b.example"),
    ],
)
def test_the_subject_keeps_its_tag(subject: str, answer: str) -> None:
    assert reply_subject(subject) == answer
