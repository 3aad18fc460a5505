"""No clear text outside the mailboxes of Exchange: not in database, blobs, keys, logs, temporary files or processes."""

import base64
import quopri
import re
from pathlib import Path

import pytest

from emulator.cast import INTAKE
from tests.leaks.conftest import Walked
from tests.leaks.planted import Planted, files_below, forms_of, found_in, letters

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("leaks"), pytest.mark.timeout(120)]
SECRETS_OF = {
    "hook": set(),
    "portal": {"SAFEMAIL_KEYS"},
    "sync": {"SAFEMAIL_KEYS", "SAFEMAIL_CERTIFICATE", "SAFEMAIL_STAMP_SECRETS"},
}
"""What opens, proves or signs, by role."""


async def test_nothing_planted_lies_in_any_file(walked: Walked):
    """Of a database server: its whole folder, tables, indexes and write-ahead log, as far as the walk touched it."""
    touched = (
        [path for path in files_below(walked.server) if path.stat().st_mtime >= walked.began] if walked.server else []
    )
    assert walked.journey.planted.search([*files_below(walked.data, walked.temporary), *touched]) == {}


async def test_the_walk_left_the_files_that_are_searched(walked: Walked):
    names = {path.name for path in files_below(walked.data)}
    assert {"service.log", "index.key"} <= names
    assert len(list((walked.data / "blobs").rglob("*"))) >= 4
    if walked.server is None:
        assert {"safemail.db", "safemail.db-wal"} <= names
    else:
        assert any(path.stat().st_size for path in files_below(walked.server / "pg_wal"))


async def test_the_roles_write_database_blobs_and_log_only(walked: Walked):
    data = re.escape(str(walked.data))
    wanted = re.compile(rf"{data}/(?:safemail\.db(?:-wal|-shm|-journal)?|blobs/[0-9a-f/#-]+|service\.log)|/dev/null")
    opened = walked.watched.opened | set(walked.record.read_text().splitlines())
    others = {path for path in opened if not wanted.fullmatch(path.removesuffix(" (deleted)"))}
    assert others <= {str(walked.record)}
    assert files_below(walked.temporary) == []
    assert walked.server is not None or f"{walked.data}/safemail.db-wal" in opened


async def test_no_process_was_started_with_mail_in_its_words(walked: Walked):
    assert len(walked.watched.commands) >= 4
    for pid, command in walked.watched.commands.items():
        environment = walked.watched.environments[pid]
        said = "\0".join([*command, *(f"{name}={value}" for name, value in environment.items())])
        assert not walked.journey.planted.found_in(said.encode())


@pytest.mark.parametrize("role", ["hook", "portal", "sync"])
async def test_a_role_gets_only_its_own_secrets(walked: Walked, role: str):
    environment = walked.watched.environments[walked.watched.role(role)]
    every = set().union(*SECRETS_OF.values())
    assert {name for name in environment if name in every} == SECRETS_OF[role]
    if "SAFEMAIL_KEYS" in SECRETS_OF[role]:
        assert environment["SAFEMAIL_KEYS"] == str(walked.data / "keys" / role)
    stamp = walked.journey.stack.stamp_secret
    assert any(stamp in value for value in environment.values()) is (role == "sync")


@pytest.mark.parametrize("is_token", [False, True])
async def test_the_search_finds_a_word_in_every_form(tmp_path: Path, *, is_token: bool):
    planted = Planted()
    word = planted("place", "é")
    planted.tokens = {"token": letters(15) + "é"} if is_token else {}
    word = planted.tokens.get("token", word)
    wanted = {"token"} if is_token else {"word", "place"}
    for encoded in (word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be"), word.encode("latin-1")):
        for shift in range(3):
            padded = b"x" * shift + encoded + b"yz"
            assert planted.found_in(base64.b64encode(padded)) == wanted
            assert planted.found_in(base64.encodebytes(b"x" * (50 + shift) + encoded + b"yz" * 30)) == wanted
            assert planted.found_in(base64.urlsafe_b64encode(padded)) == wanted
        assert planted.found_in(b"\0\1" + encoded + b"\2") == wanted
        assert planted.found_in(encoded.hex().encode()) == wanted
        assert planted.found_in(quopri.encodestring(b"x" * 70 + encoded)) == wanted
    (tmp_path / "file").write_bytes(b"x" + word[:-1].upper().encode() + word[-1:].encode())
    assert planted.search([tmp_path / "file"]).keys() == {str(tmp_path / "file")}
    assert not planted.found_in(letters(2000).encode())


async def test_letters_to_the_outside_hold_no_content(walked: Walked):
    """A notice says who wrote, to whom and about what; it never names the blind copy to others."""
    journey = walked.journey
    told = {"subject", "subject, second word", "second subject", "sender name", "sender address"}
    for person, own in ((journey.bob, "recipient address"), (journey.hidden, "blind copy address")):
        links = {name for name in journey.planted.tokens if name.startswith("link")}
        assert len(person.mails) >= 1
        for mail in person.mails:
            assert journey.planted.found_in(mail.mime) - {"word"} - links <= told | {own}


async def test_the_stamp_leaves_the_intake_mailbox_nowhere(walked: Walked):
    journey = walked.journey
    stamp = forms_of(journey.stack.stamp_secret)
    exchange = journey.stack.tenant.exchange
    items = [item for box in exchange.mailboxes.values() if box.address != INTAKE for item in box.items]
    mails = [mail for box in exchange.outside.values() for mail in box.mails]
    sources = [answer for answer in journey.downloaded if answer.startswith(b"From:") or b"\nFrom:" in answer]
    assert len(items) > 4
    assert len(mails) > 3
    assert len(set(sources)) == 1  # the page offers it at both ends
    for content in (*(item.mime for item in items), *(mail.mime for mail in mails), *journey.downloaded):
        assert not found_in(content, {"stamp": stamp})
    assert any(
        found_in(item.mime, {"stamp": stamp}) for item in exchange.mailboxes[INTAKE].items
    )  # else nothing was looked for
