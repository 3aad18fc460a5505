"""Put a letter in the outbox, inside the caller's transaction: it is sent exactly when what it tells is committed."""

import json
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Select, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import LANE_OF, Letter, Outgoing
from service.db.tables import Outbox
from service.errors import SealBroken
from service.vault.binding import bind, is_bound
from service.vault.box import open_box, seal_box
from service.vault.ring import KeyRing
from service.vault.types import Sealed

PROOF_BYTES = 32
_WHAT = "outbox"


async def queue_letter(
    session: AsyncSession,
    ring: KeyRing,
    letter: Letter,
    once: str,
    now: datetime,
    *,
    payload: dict[str, Any] | None = None,
    message_id: uuid.UUID | None = None,
    delivery_id: uuid.UUID | None = None,
    recipient_id: uuid.UUID | None = None,
    due_at: datetime | None = None,
) -> bool:
    """Queue one letter; say False where a row with the same `once` stands already, and change nothing then.

    `payload` holds what cannot be found again from the ids (a token, a code), boxed to the mailer.
    """
    values = _row(ring, letter, once, now, payload) | {
        "message_id": message_id,
        "delivery_id": delivery_id,
        "recipient_id": recipient_id,
        "due_at": due_at or now,
    }
    statement = _insert(session).values(**values).on_conflict_do_nothing(index_elements=["once"])
    added = await session.scalar(statement.returning(Outbox.id))
    return added is not None


async def queue_letter_for(
    session: AsyncSession,
    ring: KeyRing,
    whose: Select[uuid.UUID],
    letter: Letter,
    once: str,
    now: datetime,
    *,
    payload: dict[str, Any] | None = None,
) -> None:
    """Queue one letter to whom a query finds; where it finds nobody, the same statement writes nothing."""
    columns = Outbox.__table__.c
    values = _row(ring, letter, once, now, payload)
    row = whose.add_columns(*(literal(value, columns[name].type) for name, value in values.items()))
    await session.execute(_insert(session).from_select(["recipient_id", *values], row))


def _row(ring: KeyRing, letter: Letter, once: str, now: datetime, payload: dict[str, Any] | None) -> dict[str, Any]:
    row_id = uuid.uuid4()
    return {
        "id": row_id,
        "lane": LANE_OF[letter],
        "letter": letter,
        "once": once,
        "payload": seal_payload(ring, row_id, letter, payload) if payload else None,
        "state": Outgoing.PENDING,
        "due_at": now,
        "created_at": now,
    }


def _insert(session: AsyncSession) -> Any:
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return dialect.insert(Outbox)


def open_payload(ring: KeyRing, row: Outbox) -> dict[str, Any]:
    """Open a row's payload (sync only); empty where it has none. Raises SealBroken, also where we did not write it."""
    if row.payload is None:
        return {}
    opened = open_box(ring, _place(row.id), row.payload)
    proof, content = opened[:PROOF_BYTES], opened[PROOF_BYTES:]
    if not is_bound(ring, "index", proof, _WHAT, *_fields(row.id, row.letter, content)):
        raise SealBroken
    told: dict[str, Any] = json.loads(content)
    return told


def seal_payload(ring: KeyRing, row_id: uuid.UUID, letter: Letter, payload: dict[str, Any]) -> Sealed:
    """Box a row's payload to the mailer, with the proof that we wrote it: anybody may hold the mailer's public key.

    In the box: HMAC over row, letter and content (32) ‖ JSON.
    """
    content = json.dumps(payload).encode()
    return seal_box(
        ring, "mailer", _place(row_id), bind(ring, "index", _WHAT, *_fields(row_id, letter, content)) + content
    )


def _place(row_id: uuid.UUID) -> str:
    return f"outbox/{row_id.hex}"


def _fields(row_id: uuid.UUID, letter: Letter, content: bytes) -> tuple[bytes, ...]:
    return row_id.bytes, letter.value.encode(), content
