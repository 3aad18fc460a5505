"""Graph's errors: status, code and text, in its JSON."""

import uuid
from datetime import UTC, datetime
from typing import Any


class GraphError(Exception):
    """Answered as `{"error": {"code": …, "message": …}}`."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers or {}

    def body(self) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        request_id = str(uuid.uuid4())
        inner = {"date": now, "request-id": request_id, "client-request-id": request_id}
        return {"error": {"code": self.code, "message": str(self), "innerError": inner}}


def item_not_found() -> GraphError:
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def access_denied() -> GraphError:
    return GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def bad_request(message: str, code: str = "BadRequest") -> GraphError:
    return GraphError(400, code, message)


def throttled(seconds: int | None, code: str = "ApplicationThrottled") -> GraphError:
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return GraphError(429, code, "Application is over its limit.", headers)
