"""Which reminders a notice gets, and when: in their order, after it and before the end."""

from datetime import timedelta

import pytest

from service.core.addresses import InsideDomains
from service.core.states import MessageKind
from service.db.tables import Message
from service.intake.deliver import reminders
from service.intake.facts import Rules
from tests.conftest import NOW

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("unread", "ending", "kept", "expected"),
    [
        (3 * DAY, 2 * DAY, 30 * DAY, ["unread", "ending"]),
        (timedelta(), 2 * DAY, 30 * DAY, ["ending"]),
        (3 * DAY, timedelta(), 30 * DAY, ["unread"]),
        (timedelta(), timedelta(), 30 * DAY, []),
        (3 * DAY, 2 * DAY, 5 * DAY - SECOND, ["unread"]),  # its end is told of before the first
        (3 * DAY, 2 * DAY, 5 * DAY + SECOND, ["unread", "ending"]),
        (3 * DAY, 2 * DAY, 3 * DAY - SECOND, ["ending"]),
        (3 * DAY, 2 * DAY, 2 * DAY - SECOND, []),
        (3 * DAY, 2 * DAY, 5 * DAY, ["unread"]),
        (3 * DAY, 2 * DAY, 3 * DAY, ["ending"]),
        (3 * DAY, 2 * DAY, 2 * DAY, []),
    ],
)
def test_reminders_that_make_no_sense_are_none(
    unread: timedelta, ending: timedelta, kept: timedelta, expected: list[str]
):
    rules = Rules(
        InsideDomains.of(["ct.gov"]), kept, 1, bcc_is_traced=False, remind_unread=unread, remind_ending=ending
    )
    message = Message(kind=MessageKind.RECEIVED, expires_at=NOW + kept)
    found = dict(reminders(message, rules, NOW))
    due = {"remind/unread": NOW + unread, "remind/ending": NOW + kept - ending}
    assert found == {f"remind/{name}": due[f"remind/{name}"] for name in expected}
