"""Mails a second through the whole loop: `python -m emulator loop` over small files of tests/mail."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.rows import Row

MAILS = Path(__file__).parents[1] / "mail"
FILES, SMALL_BYTES = 40, 16_384
GOAL_A_SECOND = 1.0


def rows() -> Iterator[Row]:
    """Count from the first walk's start: what its first line says of its steps tells when that was."""
    small = [path for path in sorted(MAILS.glob("*.eml")) if path.stat().st_size <= SMALL_BYTES][:FILES]
    process = subprocess.Popen([sys.executable, "-m", "emulator", "loop", *map(str, small)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    began, verdicts = 0.0, []
    for line in process.stdout:
        verdict = json.loads(line)
        ended = time.perf_counter()
        began = began or ended - sum(step["seconds"] for step in verdict["steps"])
        verdicts.append(verdict)
    process.wait()
    unharmed = sum(verdict["ok"] for verdict in verdicts)
    walks = sorted(sum(step["seconds"] for step in verdict["steps"]) for verdict in verdicts)
    middle = walks[len(walks) // 2]
    note = (
        f"{len(small)} files, {unharmed} arrived unharmed, one walk takes {middle:.2f} s (median), three side by side"
    )
    what = "loop: secured, read, answered, receipts"
    yield Row(what, len(verdicts) / (ended - began), "mails/s", "goal", GOAL_A_SECOND, note)
