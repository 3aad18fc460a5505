"""An upload that is refused before it was read is answered all the same: the browser is not cut off in mid-sentence."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from emulator.loop.reader import Page
from emulator.stack import Stack
from tests.whole.people import ALICE, BOB, Person, a_mail

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("whole-refused")]
SIZES = (10, 100_000, 3_000_000, 20_000_000)


async def a_page(stack: Stack) -> tuple[Person, Page]:
    bob = Person(stack, BOB)
    await stack.tenant.exchange.submit(ALICE, a_mail("[secure] Answer me"), [BOB])
    return bob, await bob.register(await bob.next_mail())


async def test_an_upload_that_is_refused_early_gets_its_answer(stack: Stack):
    bob, page = await a_page(stack)
    link = next(link for link, _ in page.links if link.endswith("/reply"))
    nowhere = re.sub(r"/m/.*", f"/drafts/{'0' * 32}", link)
    stranger = httpx.AsyncClient(trust_env=False, headers={"Sec-Fetch-Site": "same-origin"}, timeout=10)
    clients = {"signed out": (stranger, link, 401), "old proof": (bob.browser.http, link, 400)}
    clients["not there"] = (bob.browser.http, nowhere, 404)
    for size in SIZES:
        parts: list[Any] = [("csrf", (None, "x")), ("files", ("f.bin", b"x" * size))]
        for why, (client, address, status) in clients.items():
            answer = await client.post(address, files=parts, follow_redirects=False)
            assert answer.status_code == status, (why, size)
    await stranger.aclose()
    await bob.browser.close()


async def test_a_third_upload_at_once_is_told_to_wait(stack: Stack):
    bob = Person(stack, "carol@example.net")
    await stack.tenant.exchange.submit(ALICE, a_mail("[secure] For Carol", to=bob.address), [bob.address])
    page = await bob.register(await bob.next_mail())
    link = next(link for link, _ in page.links if link.endswith("/reply"))
    cookies = "; ".join(f"{one}={value}" for one, value in bob.browser.http.cookies.items())
    head = [f"POST /{link.split('/', 3)[3]} HTTP/1.1", f"Host: localhost:{stack.ports.portal}", f"Cookie: {cookies}"]
    head += ["Sec-Fetch-Site: same-origin", "Content-Length: 1000", "Content-Type: multipart/form-data; boundary=cut"]
    waiting = []
    for _ in range(2):
        _, writer = await asyncio.open_connection("127.0.0.1", stack.ports.portal)
        writer.write("\r\n".join([*head, "", "--cut\r\n"]).encode())
        await writer.drain()
        waiting.append(writer)
    await asyncio.sleep(0.5)
    assert (await bob.answer(page, {"text": "Third."}, [])).status == 429
    for writer in waiting:
        writer.close()
        await writer.wait_closed()
    await asyncio.sleep(0.5)
    assert (await bob.answer(page, {"text": "Third."}, [])).status == 200
    await bob.browser.close()
