"""The whole service beside the emulator: what `sync` costs, how far it grows, and how soon a notice is there."""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from emulator.exchange.mailbox import Change, Folder, Item, Mailbox
from emulator.loop.files import MailFile
from emulator.loop.reader import Page, PortalReader, link_in
from emulator.loop.walk import Actors, Walk, text_of
from emulator.stack import Ports, Stack
from emulator.world import World
from service.core.limits import MEBIBYTE
from tests.bench.mails import BIG_FILE_BYTES, SENDER, large_mail, small_mail
from tests.bench.processes import Memory, processor_seconds, role_of
from tests.bench.rows import Row, percentile, spread

SMALL, PROMPT = 40, 15
"""Mails of the cost row, and of the row of waits."""
LOOK_SECONDS = 0.005
IDLE_SECONDS = 1.0
WAIT_SECONDS = 120.0
MEMORY_GOAL_MIB, PROMPT_GOAL_SECONDS = 48, 1
READER = "bench.reader@example.com"
COLLEAGUE, HIDDEN = "bench.colleague@ct.gov", "bench.hidden@example.org"


def rows() -> Iterator[Row]:
    yield from asyncio.run(_measure())


async def _measure() -> list[Row]:
    async with _running() as bench:
        await bench.warm_up()
        return [
            *await bench.memory(),
            *await bench.cost(),
            *await bench.promptness(),
        ]


@asynccontextmanager
async def _running() -> AsyncIterator["Bench"]:
    with tempfile.TemporaryDirectory(prefix="safemail-bench-") as folder:
        stack = Stack(Path(folder), Ports.free(), world=World.as_scripts_leave_it())
        try:
            await stack.start()
            bench = Bench(stack)
            yield bench
            await bench.actors.reader.close()
        finally:
            await stack.close()


class Bench:
    """One stack, one sender, one recipient who has an account."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.exchange = stack, stack.tenant.exchange
        assert stack.service is not None
        self.sync, self.portal = (role_of(stack.service.pid, role) for role in ("sync", "portal"))
        self.exchange.add_mailbox(COLLEAGUE, "Bench Colleague")
        self.outside = self.exchange.outside_mailbox(READER)
        self.actors = Actors(SENDER, COLLEAGUE, PortalReader(stack.portal_url, READER), HIDDEN)
        self.arrived: list[float] = []
        """When items came to the intake Inbox."""
        self.exchange.on_change.append(self._note)

    def _note(self, mailbox: Mailbox, folder: Folder, item: Item, change: Change) -> None:
        del item
        if mailbox.address == self.stack.tenant.intake and folder.well_known == "inbox" and change == "created":
            self.arrived.append(time.perf_counter())

    async def warm_up(self) -> None:
        """Send one small mail through the whole loop: every path has then run once, and the reader has an account."""
        path = self.stack.data / "warm.eml"
        path.write_bytes(small_mail(0, READER))
        file = MailFile.prepare(path, sender=f"S <{SENDER}>", to=f"R <{READER}>", cc=COLLEAGUE, bcc=HIDDEN)
        verdict = await Walk(self.stack.tenant, self.actors, file).run()
        if not verdict.ok:
            raise RuntimeError(f"the mail that warms up failed: {verdict.error}")
        await asyncio.sleep(2 * IDLE_SECONDS)

    async def cost(self) -> list[Row]:
        before = processor_seconds(self.sync)
        await asyncio.sleep(3)
        idle = (processor_seconds(self.sync) - before) / 3
        seen, receipts, began = len(self.outside.mails), self.receipts(), time.perf_counter()
        before = processor_seconds(self.sync)
        for number in range(SMALL):
            await self.exchange.submit(SENDER, small_mail(number, READER))
        await self.until(lambda: len(self.outside.mails) >= seen + SMALL and self.receipts() >= receipts + SMALL)
        used, took = processor_seconds(self.sync) - before, time.perf_counter() - began
        await asyncio.sleep(IDLE_SECONDS)
        note = f"mean of {SMALL} sent at once, both letters there after {took:.1f} s: {SMALL / took:.1f} mails/s"
        return [
            Row("CPU of `sync` when idle", idle * 1000, "ms a second", note="over 3 s"),
            Row("CPU of `sync` per small mail, delta to notice and receipt", used / SMALL * 1000, "ms", note=note),
        ]

    async def promptness(self) -> list[Row]:
        waits, baseline = [], []
        for number in range(PROMPT):
            seen, receipts, arrived = len(self.outside.mails), self.receipts(), len(self.arrived)
            began = time.perf_counter()
            await self.exchange.submit(SENDER, small_mail(number, READER))
            await self.until(lambda seen=seen: len(self.outside.mails) > seen)  # type: ignore[misc]
            waits.append(time.perf_counter() - began)
            baseline.append(self.arrived[arrived] - began)
            await self.until(lambda receipts=receipts: self.receipts() > receipts)  # type: ignore[misc]
            await asyncio.sleep(IDLE_SECONDS)
        note = f"median of {spread(waits, 's')}; goal ≤ {PROMPT_GOAL_SECONDS} s"
        against = "the emulator alone: submit to item in the intake Inbox"
        return [
            Row("send to notice when idle", median(waits), "s", against, median(baseline), note),
            Row("send to notice when idle, slowest 1 of 10", percentile(waits, 90), "s"),
        ]

    async def memory(self) -> list[Row]:
        sync = Memory(self.sync)
        page = await self.receive_large()
        found = [_grown("`sync` while a 35 MB mail is pulled, sealed and told of", sync)]
        portal = Memory(self.portal)
        await self.read_large(page)
        found.append(_grown("`portal` while it is read and downloaded, file and .eml", portal))
        sync, portal = Memory(self.sync), Memory(self.portal)
        await self.reply_large(page)
        found.append(_grown("`portal` while a 35 MB reply is uploaded", portal))
        return [*found, _grown("`sync` while that reply is sent", sync)]

    async def receive_large(self) -> Page:
        seen, receipts = len(self.outside.mails), self.receipts()
        await self.exchange.submit(SENDER, large_mail(READER))
        await self.until(lambda: len(self.outside.mails) > seen and self.receipts() > receipts)
        link = link_in(text_of(self.outside.mails[seen].mime), self.stack.portal_url)
        return Page(link, 0, "")

    async def read_large(self, page: Page) -> None:
        """Open the message, its text, its file and its source, as a browser does; nothing is kept here."""
        reader = self.actors.reader
        shown = await reader.open(page.url)
        page.url, page.links = shown.url, shown.links
        await reader.open(shown.frames[0])
        wanted = [link for link, _ in shown.links if link.endswith("/message.eml") or re.search(r"/file/\d+$", link)]
        got = 0
        for link in dict.fromkeys(wanted):
            async with reader.http.stream("GET", link) as answer:
                answer.raise_for_status()
                async for piece in answer.aiter_raw():
                    got += len(piece)
        if got < 2 * BIG_FILE_BYTES:
            raise RuntimeError("the portal did not give out file and source")

    async def reply_large(self, page: Page) -> None:
        reader = self.actors.reader
        compose = await reader.open(next(link for link, _ in page.links if link.endswith("/reply")))
        form = next(form for form in compose.forms if form.is_multipart)
        files: dict[str, Any] = {"files": ("big.bin", os.urandom(BIG_FILE_BYTES), "application/octet-stream")}
        answer = await reader.attach_and_press(form, {"text": "The plans."}, files, ("do", "send"))
        if answer.status != 200 or any(form.is_multipart for form in answer.forms):
            raise RuntimeError("the large reply was not taken")
        await self.until(lambda: any(item.size > BIG_FILE_BYTES for item in self.inbox()))

    def inbox(self) -> list[Item]:
        return self.exchange.mailboxes[SENDER].folder("inbox").items

    def receipts(self) -> int:
        return sum(item.subject.startswith("Secure Message Sent") for item in self.inbox())

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not true():  # noqa: ASYNC110 - looked at as a person would, a little more often
                await asyncio.sleep(LOOK_SECONDS)


def _grown(what: str, memory: Memory) -> Row:
    peak = memory.peak()
    note = (
        f"one run, from {memory.before:.0f} MiB warm and idle to {peak:.0f} at its peak; goal ≤ {MEMORY_GOAL_MIB} MiB"
    )
    against = BIG_FILE_BYTES / MEBIBYTE
    return Row(f"extra memory of {what}", peak - memory.before, "MiB", "the file itself", against, note)
