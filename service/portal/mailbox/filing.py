"""Marking, deleting and moving back: one form for ticked rows, for the message page and for Undo."""

import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from quart import abort, g, redirect, request, url_for
from quart.typing import ResponseReturnValue
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import Folder
from service.mailbox.filing import FILED_MOST, Act, count_filed, file_messages
from service.portal.mailbox.blueprint import mailbox, reader
from service.portal.mailbox.rows import read_id
from service.portal.session import signed_in
from service.portal.state import portal

NOTHING = "nothing"
UNDONE = "undone"
KEPT = ("show", "after")
"""What of a list's address leads back to the same page of it."""
_DONE_CHARACTERS = 32 + FILED_MOST * 16 * 4 // 3


@dataclass(frozen=True, slots=True)
class Done:
    """What a list says above its rows."""

    what: str
    count: int = 0
    undo: str = ""
    ids: tuple[str, ...] = ()


@mailbox.post("/filing")
@signed_in
async def filing() -> ResponseReturnValue:
    form = await request.form
    act, folder = _act(form.get("do", "")), _folder(form.get("folder", ""))
    ids = [found for text in form.getlist("m")[:FILED_MOST] if (found := read_id(text))]
    done = NOTHING
    if ids:
        async with portal().db.writing() as session:
            changed = await file_messages(session, reader().recipient_id, ids, act, g.now)
        done = UNDONE if form.get("undo") else _written(act, changed) if changed else ""
    kept = {name: form[name] for name in KEPT if form.get(name)}
    return redirect(url_for(f"mailbox.{folder}", done=done or None, **kept), 303)


async def read_done(session: AsyncSession, text: str) -> Done | None:
    """Read what was just done from a list's address; only what is so is said."""
    if text in {NOTHING, UNDONE}:
        return Done(text)
    word, _, packed = text[:_DONE_CHARACTERS].partition(".")
    try:
        act = Act(word)
        raw = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    except ValueError:
        return None
    ids = [uuid.UUID(bytes=raw[at : at + 16]) for at in range(0, len(raw) - 15, 16)]
    count = await count_filed(session, reader().recipient_id, ids, act, g.now)
    return Done(act, count, act.opposite, tuple(one.hex for one in ids)) if count else None


def _written(act: Act, ids: Sequence[uuid.UUID]) -> str:
    return f"{act}.{urlsafe_b64encode(b''.join(one.bytes for one in ids)).decode().rstrip('=')}"


def _act(text: str) -> Act:
    try:
        return Act(text)
    except ValueError:
        abort(400)


def _folder(text: str) -> Folder:
    try:
        return Folder(text)
    except ValueError:
        abort(400)
