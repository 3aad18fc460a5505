"""Lists: Inbox, Sent, Drafts, Deleted. One page of rows, newest first."""

from datetime import UTC, datetime

from quart import abort, g, render_template, request

from service.core.states import Folder
from service.mailbox.deliveries import Place, Show, list_folder
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


async def _folder(folder: Folder) -> str:
    on, who = portal(), reader()
    show = _show()
    after = _after()
    async with on.db.reading() as session:
        listed = await list_folder(session, who.recipient_id, folder, g.now, after=after, show=show)
        beside = await side(session, folder)
        done = await read_done(session, request.args.get("done", ""))
    return await render_template(
        "mailbox/list.html",
        rows=make_rows(on.ring, who.key, listed.deliveries),
        older=_written(listed.last) if listed.has_more else "",
        is_first=after is None,
        after=request.args.get("after", ""),
        done=done,
        show=show,
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
