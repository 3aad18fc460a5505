"""Whom a mail is for, from two lists of which each may lack somebody."""

from service.core.addresses import InsideDomains
from service.core.sheet import Person
from service.core.states import Envelope
from service.intake.addressees import addressees
from service.mime.index import Mail, MailIndexer

INSIDE = InsideDomains.of(["ct.gov"])


def a_mail(header: bytes) -> Mail:
    indexer = MailIndexer()
    indexer.feed(header + b"\r\nBody.\r\n")
    return indexer.close()


def test_both_lists_are_united_and_to_counts_more_than_cc():
    mail = a_mail(b"To: Bob@Example.com\r\nCc: carol@example.org, alice@ct.gov\r\n")
    who = addressees(mail, [Person("", "dave@example.net")], [Person("", "bob@example.com")], INSIDE)
    assert who.outside == {
        "dave@example.net": Envelope.TO,
        "bob@example.com": Envelope.TO,
        "carol@example.org": Envelope.CC,
    }
    assert who.inside == ("alice@ct.gov",)
    assert who.unusable == ()


def test_what_nobody_can_be_reached_by_is_kept_apart():
    mail = a_mail(b'To: "a b"@example.com, undisclosed-recipients:;, bob@[192.0.2.1], carol@example.org\r\n')
    who = addressees(mail, [], [], INSIDE)
    assert list(who.outside) == ["carol@example.org"]
    assert len(who.unusable) == 2


def test_a_list_that_cannot_be_read_does_not_shrink_the_other():
    who = addressees(a_mail(b"To: (((((\r\n"), [Person("", "bob@example.com")], [], INSIDE)
    assert list(who.outside) == ["bob@example.com"]
