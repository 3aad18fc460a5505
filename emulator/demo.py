"""The demo: everything on localhost, with a cast and mails already sent."""

import asyncio
import signal
import sys
from pathlib import Path

from emulator.cast import seed_mails
from emulator.stack import NotReady, Ports, Stack
from emulator.world import World

READY = """
Safemail is ready. Try this:
  1. Write as staff:    {front}/outlook   as Maria Delgado: New mail, "Secure", to rosa.jimenez@example.com
  2. Read the notice:   {front}/internet  Rosa Jiménez has one already; open its link
  3. Create an account: the six-digit code arrives in Rosa's mailbox beside the notice
  4. Answer:            press Reply, add a file, send; it lands in Maria's Inbox with both receipts
  5. Look closer:       portal {portal}/   add-in {front}/addin/   data and logs {data}   stop with Ctrl+C
"""


async def run_demo(port: int, data: Path) -> int:
    """Run until stopped; return the exit code."""
    stack = Stack(data, Ports.from_first(port), world=World.as_scripts_leave_it())
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        await stack.start()
        for sender, mime, recipients in seed_mails():
            await stack.tenant.exchange.submit(sender, mime, recipients)
        print(READY.format(front=stack.front_url, portal=stack.portal_url, data=stack.data), flush=True)
        await _until_stopped(stop, stack)
    except NotReady as exc:
        print(exc, file=sys.stderr)
        return 1
    finally:
        await stack.close()
    return 0


async def _until_stopped(stop: asyncio.Event, stack: Stack) -> None:
    while not stop.is_set():
        if stack.service is not None and stack.service.poll() is not None:
            raise NotReady(f"the service ended; see {stack.data / 'service.log'}")
        try:
            await asyncio.wait_for(stop.wait(), 1)
        except TimeoutError:
            continue
