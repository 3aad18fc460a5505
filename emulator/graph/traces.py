"""Message trace: who was sent what, for whoever holds the permission."""

from collections.abc import Callable
from typing import Any

from quart import Blueprint, request
from quart.typing import ResponseReturnValue

from emulator.exchange.trace import TraceRow
from emulator.graph.access import Access
from emulator.graph.errors import access_denied
from emulator.graph.query import filter_of, page_of

PERMISSION = "ExchangeMessageTrace.Read.All"
DEFAULT_PAGE = 1_000
VALUES: dict[str, Callable[[TraceRow], Any]] = {
    "id": lambda row: row.id,
    "messageId": lambda row: row.message_id,
    "senderAddress": lambda row: row.sender,
    "recipientAddress": lambda row: row.recipient,
    "receivedDateTime": lambda row: row.received,
    "subject": lambda row: row.subject,
    "status": lambda row: row.status,
    "fromIP": lambda row: row.from_ip,
    "toIP": lambda row: row.to_ip,
}


def add_routes(graph: Blueprint, access: Access) -> None:
    tenant = access.tenant

    @graph.get("/admin/exchange/tracing/messageTraces")
    async def list_traces() -> ResponseReturnValue:
        if PERMISSION not in tenant.app.permissions:
            raise access_denied()
        access.count_trace()
        args = dict(request.args)
        until = tenant.clock() - tenant.world.trace_latency
        rows = [row for row in tenant.exchange.trace if row.received <= until]
        if "$filter" in args:
            rows = list(filter(filter_of(args["$filter"], VALUES), rows))
        page = page_of(rows[::-1], args, request.base_url, default=DEFAULT_PAGE)
        found: dict[str, Any] = {"value": [_shape(row) for row in page.rows]}
        return found | ({"@odata.nextLink": page.next_link} if page.next_link else {})


def _shape(row: TraceRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "senderAddress": row.sender,
        "recipientAddress": row.recipient,
        "messageId": row.message_id,
        "receivedDateTime": row.received.strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
        "subject": row.subject,
        "size": row.size,
        "fromIP": row.from_ip or None,
        "toIP": row.to_ip or None,
        "status": row.status,
    }
