"""What Graph remembers beside the mailboxes: subscriptions, upload sessions, request counts."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from emulator.exchange.mailbox import Item, Mailbox


@dataclass(slots=True)
class Subscription:
    """A wish to be told of changes."""

    id: str
    application_id: str
    resource: str
    mailbox: Mailbox
    folder_id: str | None
    """None: the whole mailbox."""
    change_types: frozenset[str]
    change_type: str
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires: datetime
    immutable_ids: bool
    is_paused: bool = False
    """Waiting to be authorized again; what happens meanwhile is lost."""
    pending: deque[dict[str, object]] = field(default_factory=deque)
    worker: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Upload:
    """One attachment on its way, range by range."""

    token: str
    mailbox: Mailbox
    item: Item
    name: str
    size: int
    content_type: str
    is_inline: bool
    content_id: str
    expires: datetime
    content: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class GraphState:
    """Of one tenant."""

    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    delta_epoch: int = 0
    """Raised, it makes all delta tokens expire."""
    at_once: dict[str, int] = field(default_factory=dict)
    requests: dict[str, deque[float]] = field(default_factory=dict)
    sent: dict[str, deque[float]] = field(default_factory=dict)
    traces: dict[str, deque[float]] = field(default_factory=dict)
    uploaded: dict[str, deque[tuple[float, int]]] = field(default_factory=dict)
    calls: deque[tuple[str, str, int]] = field(default_factory=lambda: deque(maxlen=10_000))
    """Method, route and status of the last requests, for tests that count."""

    def forget_delta_tokens(self) -> None:
        self.delta_epoch += 1
