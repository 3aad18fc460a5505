"""Marking, deleting and moving back: one form for ticked rows, for the message page and for Undo."""

import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quart import abort, g, redirect, request, url_for
from quart.typing import ResponseReturnValue
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import Folder
from service.errors import TryAgain
from service.mailbox.filing import FILED_MOST, Act, count_filed, file_messages
from service.mailbox.own_folders import Named, count_moved, move_messages
from service.portal.mailbox.blueprint import mailbox, reader
from service.portal.mailbox.places import KEPT
from service.portal.mailbox.rows import read_id
from service.portal.session import signed_in
from service.portal.state import portal

NOTHING = "nothing"
NOWHERE = "nowhere"
UNDONE = "undone"
MOVE = "move"
HOME = "home"
"""Where a message came from: Inbox or Sent."""
AGAIN = "again"
"""Before the word of what could not be done just now."""
FOUND = "found"
"""The place of search results."""
FOUND_AT = "mailbox.search"
FOUND_KEPT = ("q", "in", "from", "files", "since", "until", "after")
KEPT_CHARACTERS = 300
ACTS = {*Act, MOVE}
_DONE_CHARACTERS = 64 + FILED_MOST * 16 * 4 // 3


@dataclass(frozen=True, slots=True)
class Done:
    """What a list says above its rows."""

    what: str
    count: int = 0
    undo: str = ""
    ids: tuple[str, ...] = ()
    name: str = ""
    """Of the folder that it was moved to."""
    act: str = ""
    """What could not be done."""
    to: str = ""
    """Where it was to be moved."""


@mailbox.post("/filing")
@signed_in
async def filing() -> ResponseReturnValue:
    form = await request.form
    do, endpoint, at = form.get("do", ""), *_place(form.get("folder", ""))
    ids = [found for text in form.getlist("m")[:FILED_MOST] if (found := read_id(text))]
    if not ids:
        done = f"{NOTHING}-{do}" if do in ACTS else NOTHING
    else:
        try:
            done = await _do(do, ids, form.get("to", ""))
        except TryAgain:  # the page can still be read, and offers the same once more
            done = _written(f"{AGAIN}-{do}" + (f"-{form['to']}" if do == MOVE else ""), ids)
    if done and form.get("undo"):
        done = UNDONE
    names = FOUND_KEPT if endpoint == FOUND_AT else KEPT
    kept: dict[str, Any] = {name: form[name][:KEPT_CHARACTERS] for name in names if form.get(name)}
    return redirect(url_for(endpoint, done=done or None, **at, **kept), 303)


async def read_done(session: AsyncSession, text: str, own_folders: Sequence[Named]) -> Done | None:
    """Read what was just done from a list's address; only what is so is said."""
    if text in {NOTHING, NOWHERE, UNDONE}:
        return Done(text)
    if text.startswith(f"{NOTHING}-"):
        return Done(NOTHING, act=act) if (act := text.removeprefix(f"{NOTHING}-")) in ACTS else None
    word, _, packed = text[:_DONE_CHARACTERS].partition(".")
    try:
        raw = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    except ValueError:
        return None
    ids = [uuid.UUID(bytes=raw[at : at + 16]) for at in range(0, len(raw) - 15, 16)]
    hexes = tuple(one.hex for one in ids)
    recipient_id = reader().recipient_id
    if word.startswith(f"{AGAIN}-"):
        act, _, to = word.removeprefix(f"{AGAIN}-").partition("-")
        return Done(AGAIN, len(hexes), act=act, to=to, ids=hexes) if act in ACTS and hexes else None
    if word.startswith(f"{MOVE}-"):
        to = word.removeprefix(f"{MOVE}-")
        name = next((one.name for one in own_folders if one.id.hex == to), "")
        if not name and to != HOME:
            return None
        count = await count_moved(session, recipient_id, ids, read_id(to), g.now)
        return Done(MOVE, count, MOVE, hexes, name) if count else None
    if word not in set(Act):
        return None
    done = Act(word)
    count = await count_filed(session, recipient_id, ids, done, g.now)
    return Done(done, count, done.opposite, hexes) if count else None


async def _do(do: str, ids: Sequence[uuid.UUID], to: str) -> str:
    """Do it, and return what to say. Raises TryAgain."""
    if do == MOVE:
        return await _move(ids, to)
    act = _act(do)
    async with portal().db.writing() as session:
        changed = await file_messages(session, reader().recipient_id, ids, act, g.now)
    return _written(act, changed)


async def _move(ids: Sequence[uuid.UUID], target: str) -> str:
    """Move, and return what to say; a folder of somebody else is none."""
    to = read_id(target)
    if to is None and target != HOME:
        return NOWHERE
    async with portal().db.writing() as session:
        moved = await move_messages(session, reader().recipient_id, ids, to, g.now)
    if moved is None:
        return NOWHERE
    return _written(f"{MOVE}-{target}", moved)


def _written(word: str, ids: Sequence[uuid.UUID]) -> str:
    """Write what was done into an address; nothing where nothing was."""
    return f"{word}.{urlsafe_b64encode(b''.join(one.bytes for one in ids)).decode().rstrip('=')}" if ids else ""


def _act(text: str) -> Act:
    try:
        return Act(text)
    except ValueError:
        abort(400)


def _place(text: str) -> tuple[str, dict[str, Any]]:
    """Return the list that a form stands in, as endpoint and arguments."""
    if text == FOUND:
        return FOUND_AT, {}
    if read_id(text) is not None:
        return "mailbox.own_folder", {"own": text}
    if text not in set(Folder):
        abort(400)
    return f"mailbox.{text}", {}
