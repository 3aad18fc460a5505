"""Start everything, walk every file, print one line of JSON each."""

import asyncio
import json
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from emulator.loop.files import MailFile
from emulator.loop.reader import PortalReader
from emulator.loop.walk import Actors, Verdict, Walk
from emulator.stack import NotReady, Ports, Stack
from emulator.world import World

AT_ONCE = 3
"""Walks side by side, each with people of its own: one mail's waits are another's work."""


async def run_loop(files: list[Path], data: Path | None, *, world: World | None = None, database: str = "") -> int:
    """Walk the files; return the exit code: 0 only if every mail arrived unharmed and nothing tagged left in clear."""
    async with AsyncExitStack() as cleanup:
        if data is None:
            folder = tempfile.mkdtemp(prefix="safemail-loop-")
            cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
            data = Path(folder)
        stack = Stack(data, Ports.free(), world=world or World.as_scripts_leave_it(), database=database)
        cleanup.push_async_callback(stack.close)
        try:
            await stack.start()
        except NotReady as exc:
            print(exc, file=sys.stderr)
            return 1
        verdicts = await _walk_all(stack, files)
    return 0 if verdicts and all(verdict.ok for verdict in verdicts) else 1


async def _walk_all(stack: Stack, files: list[Path]) -> list[Verdict]:
    waiting: asyncio.Queue[tuple[int, Path]] = asyncio.Queue()
    for numbered in enumerate(files):
        waiting.put_nowait(numbered)
    done: dict[int, Verdict] = {}
    printed = 0

    async def walker(number: int) -> None:
        nonlocal printed
        actors = _actors(stack, number)
        try:
            while not waiting.empty():
                index, path = waiting.get_nowait()
                done[index] = await _walk_one(stack, actors, path)
                while printed in done:
                    print(json.dumps(asdict(done[printed]), ensure_ascii=False), flush=True)
                    printed += 1
        finally:
            await actors.reader.close()

    await asyncio.gather(*(walker(number) for number in range(min(AT_ONCE, len(files)))))
    return [done[index] for index in sorted(done)]


async def _walk_one(stack: Stack, actors: Actors, path: Path) -> Verdict:
    try:
        file = MailFile.prepare(
            path,
            sender=f"Sender <{actors.sender}>",
            to=f"Reader <{actors.reader.address}>",
            cc=f"Colleague <{actors.colleague}>",
            bcc=actors.hidden,
        )
    except OSError as exc:
        return Verdict(str(path), error=f"cannot be read: {exc.strerror}")
    return await Walk(stack.tenant, actors, file).run()


def _actors(stack: Stack, number: int) -> Actors:
    exchange = stack.tenant.exchange
    sender, colleague = f"loop.sender{number}@ct.gov", f"loop.colleague{number}@ct.gov"
    exchange.add_mailbox(sender, f"Loop Sender {number}")
    exchange.add_mailbox(colleague, f"Loop Colleague {number}")
    reader = PortalReader(stack.portal_url, f"loop.reader{number}@example.com")
    return Actors(sender, colleague, reader, f"loop.hidden{number}@example.org")
