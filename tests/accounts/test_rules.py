"""How often a session's life is written, and what counts as too many recipients."""

from datetime import timedelta

import pytest

from service.accounts.sessions import SignedIn
from service.core.rules import AS_SHIPPED, Rules
from service.core.sheet import Person
from service.db.tables import Account, Recipient, Session
from service.mailbox.addressees import over_count
from tests.conftest import NOW


@pytest.mark.parametrize(("rules", "seconds"), [(AS_SHIPPED, 60), (Rules(session_idle=timedelta(minutes=3)), 15)])
def test_life_of_a_short_session_is_written_more_often(rules: Rules, seconds: int) -> None:
    row = Session(seen_at=NOW, created_at=NOW)
    found = SignedIn(row, Account(), Recipient(), rules)
    assert not found.is_due(NOW + timedelta(seconds=seconds - 1))
    assert found.is_due(NOW + timedelta(seconds=seconds))


def test_reply_may_have_as_many_recipients_as_set() -> None:
    people = [Person("", f"a{n}@ct.gov") for n in range(6)]
    rules = Rules(reply_recipients=5)
    assert over_count(people[:3], people[3:5], rules) == 0
    assert over_count(people[:3], people[3:6], rules) == 1
