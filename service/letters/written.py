"""The proof that a reply is its writer's: the portal queues it with the reply, and `sync` sends no reply without."""

import hashlib
import uuid
from typing import Any

from service.db.tables import Message
from service.errors import SealBroken
from service.vault.binding import bind, is_bound
from service.vault.ring import KeyRing

_WHAT = "reply"


def reply_payload(ring: KeyRing, message: Message, writer: uuid.UUID) -> dict[str, str]:
    """Return what is queued with a reply whose sheet is final: a writer to the database cannot make it up."""
    return {"written": bind(ring, "index", _WHAT, *_fields(message, writer)).hex()}


def check_reply(ring: KeyRing, message: Message, writer: uuid.UUID | None, payload: dict[str, Any]) -> None:
    """Raises SealBroken where the portal did not queue this very reply of this writer."""
    try:
        given = bytes.fromhex(str(payload.get("written", "")))
    except ValueError as exc:
        raise SealBroken from exc
    if writer is None or not is_bound(ring, "index", given, _WHAT, *_fields(message, writer)):
        raise SealBroken


def _fields(message: Message, writer: uuid.UUID) -> tuple[bytes, ...]:
    return message.id.bytes, writer.bytes, hashlib.sha256(message.sheet).digest()
