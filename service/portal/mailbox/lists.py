"""Lists: Inbox, Sent, Drafts, Deleted, a folder of one's own. One page of rows, in the order that was chosen."""

import uuid
from functools import partial
from typing import Any

from quart import abort, g, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import Folder, MessageKind
from service.mailbox.deliveries import Count, Listed, Show, count_ahead, list_folder, list_last
from service.mailbox.handovers import find_stuck
from service.portal.cookies import keep_cookie
from service.portal.mailbox.blueprint import mailbox, reader, side
from service.portal.mailbox.filing import read_done
from service.portal.mailbox.places import Page, read_page
from service.portal.mailbox.rows import make_rows, read_id
from service.portal.session import signed_in
from service.portal.state import portal

HINT = "safemail-hint"
"""Cookie of a browser whose reader put the hint away."""
A_YEAR = 31_536_000


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


@mailbox.post("/hint")
@signed_in
async def put_hint_away() -> ResponseReturnValue:
    """Nobody is followed by it: the cookie says one thing, and only to us."""
    keep_cookie(HINT, "1", A_YEAR)
    return redirect(url_for("mailbox.inbox"), 303)


async def _folder(folder: Folder, own: uuid.UUID | None = None) -> str:
    on, who = portal(), reader()
    page = read_page(request.args)
    async with on.db.reading() as session:
        beside = await side(session, folder, own)
        if own is not None and beside["here_own"] is None:
            abort(404)
        count: Count = beside["here_own"].count if own is not None else beside["counts"][folder]
        listed = await _list(session, page, folder, own)
        ahead, total = await _counted(session, page, listed, count, folder, own)
        replies = [one.message_id for one in listed.deliveries if one.message.kind is MessageKind.REPLY]
        stuck = await find_stuck(session, replies)
        done = await read_done(session, request.args.get("done", ""), beside["own_folders"])
    return await render_template(
        "mailbox/list.html",
        rows=make_rows(on.ring, who.key, listed.deliveries),
        stuck={one.id.hex for one in listed.deliveries if one.message_id in stuck},
        page=page,
        older=page.older(listed),
        newer=page.newer(listed),
        first=ahead + 1,
        total=total,
        done=done,
        count=count,
        has_hint=folder is Folder.INBOX and own is None and page.is_first and HINT not in request.cookies,
        compact=who.preferences.compact,
        here_url=partial(url_for, request.endpoint or "", **(request.view_args or {})),
        **beside,
    )


async def _list(session: AsyncSession, page: Page, folder: Folder, own: uuid.UUID | None) -> Listed:
    """Read the page; where nothing is left of it, the one that now is first or last."""
    who, limit = reader(), reader().preferences.rows
    chosen: dict[str, Any] = {"sort": page.sort, "show": page.show, "limit": limit, "own": own}
    listed = await list_folder(session, who.recipient_id, folder, g.now, after=page.after, before=page.before, **chosen)
    if page.before is not None and len(listed.deliveries) < limit:
        return await list_folder(session, who.recipient_id, folder, g.now, **chosen)
    if page.after is not None and not listed.deliveries:
        return await list_last(session, who.recipient_id, folder, g.now, **chosen)
    return listed


async def _counted(
    session: AsyncSession, page: Page, listed: Listed, count: Count, folder: Folder, own: uuid.UUID | None
) -> tuple[int, int]:
    """Return how many rows stand ahead of the page, and how many there are in all."""
    if listed.first is None or (page.show is Show.ALL and not listed.has_before):
        return 0, count.total if page.show is Show.ALL else 0
    if page.show is Show.UNREAD and not listed.has_before:
        return 0, count.unread
    who = reader()
    return await count_ahead(
        session, who.recipient_id, folder, g.now, listed.first, sort=page.sort, show=page.show, own=own
    )
