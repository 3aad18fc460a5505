"""What a mail costs us from the delta query to its place in the store, against streaming its bytes and no more."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from emulator.cast import ROSA
from emulator.stack import Ports, Stack
from emulator.world import World
from service.serve import _environments
from tests.bench.mails import SENDER, large_mail, small_mail
from tests.bench.rows import Row

SMALL, LARGE = 40, 2
"""Mails that are measured."""
Measured = dict[str, float]


def rows() -> Iterator[Row]:
    pulled, streamed = asyncio.run(_measure())
    for what, count, at in (("small mail (3.6 KB)", SMALL, 0), ("35 MB mail", LARGE, 1)):
        ours, bare = pulled[at], streamed[at]
        note = f"mean of {count}, user and system time; {ours['wall'] / count:.3f} s each by the clock"
        value, baseline = (one["cpu"] / count * 1000 for one in (ours, bare))
        yield Row(f"our CPU per {what}, delta to stored", value, "ms", "streaming it by httpx", baseline, note)


async def _measure() -> tuple[list[Measured], list[Measured]]:
    with tempfile.TemporaryDirectory(prefix="safemail-bench-") as folder:
        stack = Stack(Path(folder), Ports.free(), world=World.as_scripts_leave_it())
        try:
            await stack.start_microsoft()
            await asyncio.to_thread(stack.prepare)
            measured = [one async for one in _told(stack)]
        finally:
            await stack.close()
    return [measured[2], measured[4]], [measured[3], measured[5]]


async def _told(stack: Stack) -> AsyncIterator[Measured]:
    """Tell the child what to do; the first two answers only warm it."""
    environment = _environments(stack.environment())["sync"]
    with (stack.data / "pull.log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.pull_child"),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert child.stdin is not None
    assert child.stdout is not None
    to = ROSA[1]
    sent = [[small_mail(n, to) for n in range(SMALL)], [large_mail(to) for _ in range(LARGE)]]
    for mails in ([small_mail(n, to) for n in range(3)], *sent):
        for mail in mails:
            await stack.tenant.exchange.submit(SENDER, mail)
        for word in ("pull", "stream"):
            child.stdin.write(f"{word} {len(mails)}\n".encode())
            answer: Measured = json.loads(await child.stdout.readline() or b"{}")
            yield answer
    child.stdin.close()
    await child.wait()
