"""A child process that posts: so many requests over so many kept connections, on loopback, and then it ends.

    python -m tests.bench.load PORT PATH COUNT CONNECTIONS < body        → one line of JSON
    python -m tests.bench.load PORT PATH COUNT CONNECTIONS COOKIE        gets, signed in

Raw sockets, so that the asker costs as little as can be; each connection waits for its answer before it asks again.
"""

import asyncio
import json
import sys
import time
from collections import Counter

LONGEST_HEAD = 65_536


class Asker:
    def __init__(self, port: int, request: bytes, count: int) -> None:
        self._port, self._request, self._left = port, request, count
        self.statuses: Counter[str] = Counter()
        self.seconds: list[float] = []

    async def ask(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=LONGEST_HEAD)
        while self._left > 0:
            self._left -= 1
            began = time.perf_counter()
            writer.write(self._request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = next((line for line in head.split(b"\r\n") if line.startswith(b"content-length:")), b":0")
            await reader.readexactly(int(length.partition(b":")[2]))
            self.seconds.append(time.perf_counter() - began)
            self.statuses[head.split(b" ", 2)[1].decode()] += 1
        writer.close()


async def main() -> None:
    port, path, count, connections = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if len(sys.argv) > 5:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {sys.argv[5]}\r\n\r\n".encode()
    else:
        body = sys.stdin.buffer.read()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    asker = Asker(port, request, count)
    began = time.perf_counter()
    await asyncio.gather(*(asker.ask() for _ in range(connections)))
    took = time.perf_counter() - began
    print(json.dumps({"seconds": took, "statuses": asker.statuses, "each": asker.seconds}))


asyncio.run(main())
