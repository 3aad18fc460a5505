"""Lists: Inbox, Sent, Drafts, Deleted. One page of rows, newest first."""

import uuid
from datetime import UTC, datetime
from functools import partial

from quart import abort, g, render_template, request, url_for

from service.core.states import Folder
from service.mailbox.deliveries import Place, Show, list_folder
from service.mailbox.own_folders import Named
from service.portal.mailbox.blueprint import mailbox, reader, side
from service.portal.mailbox.filing import read_done
from service.portal.mailbox.rows import make_rows, read_id
from service.portal.session import signed_in
from service.portal.state import portal


@mailbox.get("/inbox")
@signed_in
async def inbox() -> str:
    return await _folder(Folder.INBOX)


@mailbox.get("/sent")
@signed_in
async def sent() -> str:
    return await _folder(Folder.SENT)


@mailbox.get("/drafts")
@signed_in
async def drafts() -> str:
    return await _folder(Folder.DRAFTS)


@mailbox.get("/deleted")
@signed_in
async def deleted() -> str:
    return await _folder(Folder.DELETED)


@mailbox.get("/folders/<own>")
@signed_in
async def own_folder(own: str) -> str:
    return await _folder(Folder.INBOX, own=read_id(own) or abort(404))


async def _folder(folder: Folder, own: uuid.UUID | None = None) -> str:
    on, who = portal(), reader()
    show = _show()
    after = _after()
    async with on.db.reading() as session:
        beside = await side(session, folder, own)
        here_own: Named | None = beside["here_own"]
        if own is not None and here_own is None:
            abort(404)
        listed = await list_folder(session, who.recipient_id, folder, g.now, after=after, show=show, own=own)
        done = await read_done(session, request.args.get("done", ""), beside["own_folders"])
    return await render_template(
        "mailbox/list.html",
        rows=make_rows(on.ring, who.key, listed.deliveries),
        older=_written(listed.last) if listed.has_more else "",
        is_first=after is None,
        after=request.args.get("after", ""),
        done=done,
        show=show,
        count=here_own.count if here_own else beside["counts"][folder],
        here_url=partial(url_for, request.endpoint or "", **(request.view_args or {})),
        **beside,
    )


def _show() -> Show:
    try:
        return Show(request.args.get("show", Show.ALL))
    except ValueError:
        return Show.ALL


def _written(place: Place | None) -> str:
    return f"{place.received_at.timestamp():.6f}.{place.id.hex}" if place else ""


def _after() -> Place | None:
    """Read where the page begins; what we did not write is no page."""
    text = request.args.get("after", "")
    if not text:
        return None
    seconds, _, row = text[:80].rpartition(".")
    row_id = read_id(row)
    try:
        at = datetime.fromtimestamp(float(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        row_id = None
    if row_id is None:
        abort(404)
    return Place(at, row_id)
