"""The routes of Graph, and how errors look."""

from quart import Blueprint, Quart, Response, jsonify, request
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from emulator.graph import attachments, delta, folders, messages, subscriptions, traces
from emulator.graph.access import Access
from emulator.graph.errors import GraphError
from emulator.tenant import Tenant

REQUEST_BYTES = 4 * 1_048_576
"""Of a whole request; older Graph docs: "total of 4 MB"."""


def register(app: Quart, tenant: Tenant) -> None:
    """Put Graph under `/v1.0`, and the pre-authenticated upload addresses beside it."""
    access = Access(tenant)
    graph = Blueprint("graph", __name__, url_prefix="/v1.0")

    @graph.before_request
    async def enter() -> None:
        await access.enter()
        if (request.content_length or 0) > REQUEST_BYTES:
            raise too_large()

    @graph.after_request
    async def leave(response: Response) -> Response:
        return await access.leave(response)

    for part in (folders, messages, attachments, delta, subscriptions, traces):
        part.add_routes(graph, access)
    app.register_blueprint(graph)
    attachments.add_upload_route(app, access)

    @app.errorhandler(GraphError)
    async def graph_error(exc: GraphError) -> ResponseReturnValue:
        return jsonify(exc.body()), exc.status, exc.headers

    @app.errorhandler(HTTPException)
    async def http_error(exc: HTTPException) -> ResponseReturnValue:
        if exc.code == 413:
            error = too_large()
        elif exc.code == 404:
            error = GraphError(404, "ResourceNotFound", "Resource not found for the segment.")
        else:
            error = GraphError(exc.code or 500, "BadRequest", exc.description or "The request is not understood.")
        return jsonify(error.body()), error.status


def too_large() -> GraphError:
    return GraphError(413, "RequestEntityTooLarge", "The request exceeds 4 MB.")
