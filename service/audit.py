"""The log of what happened to messages and accounts: ids, times and digests, never an address, a subject or a name."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from service.db.tables import AuditEntry


def record(session: AsyncSession, at: datetime, actor: str, verb: str, object_id: str, detail: str = "") -> None:
    """Add one entry, inside the caller's transaction: it stands exactly when what it tells is committed.

    `actor` is a role (`retention`, `portal`) or an administrator's id; `object_id` is the hex of one of our ids.
    """
    session.add(AuditEntry(at=at, actor=actor, verb=verb, object_id=object_id, detail=detail))
