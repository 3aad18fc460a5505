"""The add-in's scripts, run by Node in a realm with an Office of our own; the cases stand in `.test.mjs` files."""

import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize(("name", "at_least"), [("send", 100), ("toggle", 25), ("language", 5)])
def test_every_case_passes(name: str, at_least: int) -> None:
    ended = subprocess.run(
        ["node", "--test", "--test-reporter=tap", str(HERE / f"{name}.test.mjs")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    counted = {word: int(count) for word, count in re.findall(r"^# (\w+) (\d+)$", ended.stdout, re.MULTILINE)}
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    assert counted["pass"] >= at_least
    assert counted["fail"] == counted["skipped"] == counted["todo"] == counted["cancelled"] == 0
