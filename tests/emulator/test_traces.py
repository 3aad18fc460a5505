"""Message trace through Graph."""

from datetime import timedelta

import httpx
from msgraph.generated.models.exchange_message_trace_collection_response import ExchangeMessageTraceCollectionResponse

from emulator.tenant import Tenant
from tests.emulator.conftest import ALICE, BOB, CAROL, INTAKE, a_mail
from tests.emulator.test_messages import model, unknown

TRACES = "/admin/exchange/tracing/messageTraces"


async def test_blind_copies_are_found_by_message_id(microsoft: Tenant, graph: httpx.AsyncClient):
    mime = a_mail(to=BOB, bcc=CAROL, subject="[secure]", more="Message-ID: <one@ct.gov>")
    await microsoft.exchange.submit(ALICE, mime)
    await microsoft.exchange.submit(ALICE, a_mail(to=BOB))
    since = (microsoft.clock() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"messageId eq '<one@ct.gov>' and senderAddress eq '{ALICE}' and receivedDateTime ge {since}"
    answer = await graph.get(TRACES, params={"$filter": text})
    found = model(ExchangeMessageTraceCollectionResponse, answer).value
    assert unknown(found) == set()
    assert {one.recipient_address for one in found} == {BOB, CAROL, INTAKE}
    assert {one.status.value for one in found} == {"expanded", "delivered"}


async def test_permission_is_needed(microsoft: Tenant, graph: httpx.AsyncClient):
    microsoft.app.permissions.clear()
    assert (await graph.get(TRACES)).status_code == 403


async def test_questions_are_counted_for_the_tenant(microsoft: Tenant, graph: httpx.AsyncClient):
    microsoft.world.traces_per_5_minutes = 2
    assert [(await graph.get(TRACES)).status_code for _ in range(3)] == [200, 200, 429]


async def test_rows_come_late_and_in_pages(microsoft: Tenant, graph: httpx.AsyncClient):
    microsoft.world.trace_latency = timedelta(hours=1)
    for _ in range(3):
        await microsoft.exchange.submit(ALICE, a_mail(to=BOB))
    assert (await graph.get(TRACES)).json()["value"] == []
    microsoft.world.trace_latency = timedelta()
    page = (await graph.get(TRACES, params={"$top": "2"})).json()
    rest = (await graph.get(page["@odata.nextLink"])).json()
    assert (len(page["value"]), len(rest["value"])) == (2, 1)
