"""A role as a process that ends itself, as by `kill -9`, at the n-th pass of a step of the mail's way.

python -m tests.crash.child STEP N [sync|hook]
"""

import asyncio
import os
import signal
import sys

from graph_sync import steps
from service.serve import run_hook, run_sync


def main() -> None:
    step, left = sys.argv[1], int(sys.argv[2])
    assert step in (*steps.NAMES, *steps.HOOK_NAMES, "never")

    def die(name: str) -> None:
        nonlocal left
        if name == step:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    steps.reached = die
    asyncio.run(run_hook() if sys.argv[3:] == ["hook"] else run_sync())


if __name__ == "__main__":
    main()
