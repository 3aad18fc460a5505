"""Each row of hostile mails is read in bounded memory, in a process of its own; a hang meets the time-out."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mime.bomb import BOMBS

GROWTH_KIBIBYTES = 48 * 1024
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_mail_costs_little_memory(name):
    done = subprocess.run(
        [sys.executable, "-m", "tests.mime.bomb", name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < GROWTH_KIBIBYTES
