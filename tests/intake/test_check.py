"""Which items intake believes: stamp, authentication and From, each once and each right."""

import pytest

from service.core.addresses import InsideDomains
from service.core.sheet import Person
from service.intake.check import NotOurs, why_refused

INSIDE = InsideDomains.of(["ct.gov"])
SECRETS = ["older-secret", "newer"]
GOOD = (
    b"X-Safemail-Intake: v1-0123abcd-newer\r\n"
    b"X-MS-Exchange-Organization-AuthAs: Internal\r\n"
    b"From: Alice <alice@ct.gov>\r\n\r\n"
)


def test_both_secrets_of_a_change_are_good():
    assert why_refused(GOOD, None, SECRETS, INSIDE) is None
    assert why_refused(GOOD.replace(b"newer", b"older-secret"), None, SECRETS, INSIDE) is None


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"-newer", b"-newe", NotOurs.STAMP),
        (b"-newer", b"-Newer", NotOurs.STAMP),
        (b"-newer", b"xnewer", NotOurs.STAMP),
        (b"v1-0123abcd-newer", b"newer", NotOurs.STAMP),
        (b"v1-0123abcd-newer", b"", NotOurs.STAMP),
        (b"X-Safemail-Intake", b"X-Safemail-Other", NotOurs.STAMP),
        (b"From:", b"X-Safemail-Intake: v1-0-newer\r\nFrom:", NotOurs.STAMP),
        (b"Internal", b"Anonymous", NotOurs.NOT_AUTHENTICATED),
        (b"Internal", b"Internally", NotOurs.NOT_AUTHENTICATED),
        (b"AuthAs", b"AuthSource", NotOurs.NOT_AUTHENTICATED),
        (b"From:", b"X-MS-Exchange-Organization-AuthAs: Anonymous\r\nFrom:", NotOurs.NOT_AUTHENTICATED),
        (b"alice@ct.gov", b"alice@ct.gov.example.com", NotOurs.FROM_OUTSIDE),
        (b"alice@ct.gov", b"alice@\xd1\x81t.gov", NotOurs.FROM_OUTSIDE),
        (b"alice@ct.gov>", b"alice@ct.gov>, Eve <eve@example.com>", NotOurs.FROM_OUTSIDE),
        (b"From:", b"From: eve@example.com\r\nFrom:", NotOurs.FROM_OUTSIDE),
        (b"From: Alice <alice@ct.gov>", b"To: alice@ct.gov", NotOurs.FROM_OUTSIDE),
    ],
)
def test_anything_else_is_refused(old: bytes, new: bytes, why: NotOurs):
    assert old in GOOD
    assert why_refused(GOOD.replace(old, new), None, SECRETS, INSIDE) is why


def test_exchange_own_word_on_the_sender_counts_too():
    assert why_refused(GOOD, Person("", "eve@example.com"), SECRETS, INSIDE) is NotOurs.FROM_OUTSIDE


def test_without_secrets_nothing_is_believed():
    assert why_refused(GOOD, None, [], INSIDE) is NotOurs.STAMP
    assert why_refused(GOOD, None, [""], INSIDE) is NotOurs.STAMP
