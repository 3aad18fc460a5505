"""Delta: the first walk, then rounds of what came, changed and went."""

from typing import Any

import httpx
import pytest

from emulator.exchange.mailbox import Mailbox
from emulator.tenant import Tenant
from tests.emulator.conftest import ALICE, IMMUTABLE, INTAKE, a_mail

START = f"/users/{INTAKE}/mailFolders/inbox/messages/delta"


async def walk(
    graph: httpx.AsyncClient, url: str, size: int = 10, **headers: str
) -> tuple[list[dict[str, Any]], str, int]:
    """Follow the pages of one round; return rows, the link for the next round, and the count of pages."""
    rows, pages = [], 0
    prefer = {"Prefer": f'IdType="ImmutableId", odata.maxpagesize={size}', **headers}
    while True:
        answer = await graph.get(url, headers=prefer)
        assert answer.status_code == 200, answer.text
        page, pages = answer.json(), pages + 1
        rows += page["value"]
        assert ("@odata.nextLink" in page) != ("@odata.deltaLink" in page)
        if "@odata.deltaLink" in page:
            return rows, page["@odata.deltaLink"], pages
        url = page["@odata.nextLink"]


async def mails(tenant: Tenant, count: int, start: int = 0) -> Mailbox:
    for number in range(start, start + count):
        await tenant.exchange.submit(ALICE, a_mail(to=INTAKE, subject=str(number)))
    return tenant.exchange.mailboxes[INTAKE]


async def test_first_round_walks_the_folder_and_the_next_brings_news(microsoft: Tenant, graph: httpx.AsyncClient):
    mailbox = await mails(microsoft, 25)
    rows, link, pages = await walk(graph, f"{START}?$select=subject")
    assert [row["subject"] for row in rows] == [str(number) for number in range(25)]
    assert pages == 3
    assert (await walk(graph, link))[0] == []
    await mails(microsoft, 12, start=25)
    rows, link, pages = await walk(graph, link)
    assert [row["subject"] for row in rows] == [str(number) for number in range(25, 37)]
    assert pages == 2
    assert {row["id"] for row in rows} <= {item.immutable_id for item in mailbox.items}


async def test_moved_and_purged_items_are_removed_and_changed_ones_repeated(
    microsoft: Tenant, graph: httpx.AsyncClient
):
    mailbox = await mails(microsoft, 4)
    _, link, _ = await walk(graph, START)
    first, second, third, _ = mailbox.folder("inbox").items
    mailbox.move(first, mailbox.folder("archive"))
    mailbox.remove(second)
    await graph.patch(f"/users/{INTAKE}/messages/{third.id}", json={"isRead": True})
    rows, link, _ = await walk(graph, link)
    assert [(row["id"], row.get("@removed")) for row in rows] == [
        (first.immutable_id, {"reason": "deleted"}),
        (second.immutable_id, {"reason": "deleted"}),
        (third.immutable_id, None),
    ]
    mailbox.move(first, mailbox.folder("inbox"))
    rows, _, _ = await walk(graph, link)
    assert [row["id"] for row in rows] == [first.immutable_id]


async def test_item_that_came_and_went_between_rounds_is_named_removed(microsoft: Tenant, graph: httpx.AsyncClient):
    _, link, _ = await walk(graph, START)
    mailbox = await mails(microsoft, 1)
    item = mailbox.folder("inbox").items[0]
    old = item.id
    mailbox.move(item, mailbox.folder("archive"))
    rows, _, _ = await walk(graph, link)
    assert rows == [{"id": item.immutable_id, "@removed": {"reason": "deleted"}}]
    answer = await graph.get(link)
    assert answer.json()["value"][0]["id"] == old


async def test_nothing_is_lost_while_pages_are_walked(microsoft: Tenant, graph: httpx.AsyncClient):
    mailbox = await mails(microsoft, 5)
    first = await graph.get(START, headers={"Prefer": 'odata.maxpagesize=2, IdType="ImmutableId"'})
    mailbox.move(mailbox.folder("inbox").items[0], mailbox.folder("archive"))
    await mails(microsoft, 2, start=5)
    rows, link, _ = await walk(graph, first.json()["@odata.nextLink"], 2)
    later, _, _ = await walk(graph, link)
    seen = {row["id"] for row in first.json()["value"] + rows + later if "@removed" not in row}
    gone = {row["id"] for row in later if "@removed" in row}
    assert seen - gone == {item.immutable_id for item in mailbox.folder("inbox").items}


async def test_change_type_limits_later_rounds(microsoft: Tenant, graph: httpx.AsyncClient):
    mailbox = await mails(microsoft, 2)
    _, link, _ = await walk(graph, f"{START}?changeType=created")
    first, second = mailbox.folder("inbox").items
    mailbox.move(first, mailbox.folder("archive"))
    mailbox.touch(second, microsoft.clock())
    assert (await walk(graph, link))[0] == []
    await mails(microsoft, 1)
    assert len((await walk(graph, link))[0]) == 1


@pytest.mark.parametrize(("reading", "status"), [("syncStateNotFound", 400), ("gone", 410)])
async def test_expired_token_asks_to_start_over(microsoft: Tenant, graph: httpx.AsyncClient, reading: Any, status: int):
    microsoft.world.expired_delta = reading
    await mails(microsoft, 1)
    _, link, _ = await walk(graph, START)
    microsoft.graph.forget_delta_tokens()
    answer = await graph.get(link, headers=IMMUTABLE)
    assert answer.status_code == status
    assert answer.json()["error"]["code"].lower() == "syncstatenotfound"
    if status == 410:
        assert len((await walk(graph, answer.headers["Location"]))[0]) == 1


async def test_what_delta_does_not_support_is_refused(graph: httpx.AsyncClient):
    for query in ("$search=x", "$filter=isRead eq false", "$skip=1", "$deltatoken=nonsense"):
        assert (await graph.get(f"{START}?{query}")).status_code == 400


async def test_sdks_spelling_and_start_time_are_understood(microsoft: Tenant, graph: httpx.AsyncClient):
    await mails(microsoft, 1)
    assert len((await walk(graph, f"{START}()"))[0]) == 1
    late = f"{START}?$filter=receivedDateTime ge 2990-01-01T00:00:00Z"
    rows, link, _ = await walk(graph, late)
    assert rows == []
    await mails(microsoft, 1)
    assert len((await walk(graph, link))[0]) == 1
