"""A mail of 35 MB passes through in memory that does not grow with it, and lets others go on meanwhile."""

import asyncio
import base64
import time
import tracemalloc
from collections.abc import AsyncIterator

from service.blobs import Blobs
from service.core.limits import MESSAGE_BYTES
from service.intake.sealing import Incoming

MEBIBYTE = 1_048_576
HEAD = (
    b"From: alice@ct.gov\r\nTo: bob@example.com\r\nSubject: [secure] Plans\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nSee the plans.\r\n"
    b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
)


async def a_large_mail(decoded: int) -> AsyncIterator[bytes]:
    yield HEAD
    block = base64.encodebytes(bytes(range(256)) * 192).replace(b"\n", b"\r\n")
    for _ in range(decoded // (256 * 192)):
        yield block
    yield b"--b--\r\n"


async def test_memory_is_bounded_and_nothing_is_held_up(blobs: Blobs):
    longest_wait = 0.0

    async def others() -> None:
        nonlocal longest_wait
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest_wait = max(longest_wait, time.perf_counter() - before)
            await asyncio.sleep(0.001)

    task = asyncio.create_task(others())
    tracemalloc.start()
    incoming = Incoming("0" * 32, a_large_mail(MESSAGE_BYTES - MEBIBYTE))
    length = await blobs.put(blobs.new_key(), incoming.sealed(MESSAGE_BYTES))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    task.cancel()
    assert length > 45 * MEBIBYTE
    assert incoming.mail is not None
    assert incoming.mail.size > 33 * MEBIBYTE
    assert peak < 8 * MEBIBYTE
    assert longest_wait < 0.25  # a busy machine's, under the tracer
