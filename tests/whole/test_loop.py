"""Odd mails through the whole loop, where Microsoft is read the other way and where the database is PostgreSQL."""

import json
from pathlib import Path

import pytest

from emulator.loop.run import run_loop
from emulator.world import World

MAILS = Path(__file__).parents[1] / "mail"
IN_THE_OTHER_WORLD = [
    "repeated-message-id-a.eml",
    "repeated-message-id-b.eml",
    "no-message-id.eml",
    "long-reference-list.eml",
    "outlook-related-in-alternative.eml",
    "message-in-message-in-message.eml",
    "encoded-line-break-in-subject.eml",
    "auto-submitted.eml",
]
ON_POSTGRESQL = ["two-from-lines.eml", "bare-cr.eml", "no-header-at-all.eml", "tag-in-the-middle.eml"]


def verdicts(said: str) -> list[tuple[str, bool, str]]:
    return [(Path(one["file"]).name, one["ok"], one["error"]) for one in map(json.loads, said.splitlines())]


@pytest.mark.timeout(120)
async def test_all_arrives_in_the_other_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code = await run_loop([MAILS / name for name in IN_THE_OTHER_WORLD], tmp_path, world=World.other_reading())
    assert verdicts(capsys.readouterr().out) == [(name, True, "") for name in IN_THE_OTHER_WORLD]
    assert code == 0


@pytest.mark.timeout(120)
async def test_all_arrives_on_postgresql(tmp_path: Path, postgresql_url: str, capsys: pytest.CaptureFixture[str]):
    code = await run_loop([MAILS / name for name in ON_POSTGRESQL], tmp_path, database=postgresql_url)
    assert verdicts(capsys.readouterr().out) == [(name, True, "") for name in ON_POSTGRESQL]
    assert code == 0
