"""For the script: one file into a stored draft, while its words may be saved beside it."""

from quart import abort, g
from quart.typing import ResponseReturnValue

from service.core.states import MessageKind
from service.db.tables import Recipient
from service.mailbox import draft_rows, drafts
from service.mailbox.deliveries import get_by_message
from service.mailbox.drafts import Changed, Draft, TooManyFiles
from service.mailbox.opening import open_delivery
from service.portal.mailbox.blueprint import reader
from service.portal.mailbox.compose.page import tell
from service.portal.mailbox.compose.reading import add_file, proven_parts
from service.portal.mailbox.compose.work import RefusedFile, Work
from service.portal.state import portal

TRIES = 8
"""So often a file is put into the draft again, where its words were saved in the very same moment."""


async def upload(work: Work) -> ResponseReturnValue:
    """Seal the file, then put it into the draft as it stands by then."""
    draft = work.draft
    assert draft is not None
    before = {part.blob for part in draft.files}
    work.budget -= draft.body_size
    async for part in proven_parts():
        if part.name == "files" and part.file_name is not None:
            await add_file(work, draft, part)
    added = [part for part in draft.files if part.blob not in before]
    if work.typed.refused_files:
        return tell(work, None), 413
    if len(added) != 1:
        abort(400)
    for _ in range(TRIES):
        fresh = await _as_it_stands(draft)
        if fresh is None:
            return tell(work, None, is_gone=True), 409
        try:
            moved = drafts.move_file(added[0], draft, fresh)
        except TooManyFiles:
            work.typed.refused_files.append(RefusedFile(added[0].name, added[0].size, 0, is_too_many=True))
            return tell(work, None), 413
        if (over_by := fresh.size - portal().settings.message_bytes) > 0:
            work.typed.refused_files.append(RefusedFile(moved.name, moved.size, over_by))
            return tell(work, None), 413
        if await _store(fresh, draft):
            return tell(work, fresh, added=moved.number)
    return tell(work, None), 503


async def _as_it_stands(draft: Draft) -> Draft | None:
    on, who = portal(), reader()
    async with on.db.reading() as session:
        own = await get_by_message(session, who.recipient_id, draft.message_id, g.now)
        if own is None or own.message.kind is not MessageKind.DRAFT:
            return None
        rows = await draft_rows.list_stored(session, draft.message_id)
    return drafts.resume(open_delivery(on.ring, who.key, own), rows)


async def _store(fresh: Draft, draft: Draft) -> bool:
    """Write the rows; from then on the file's blob is the stored draft's."""
    on, who = portal(), reader()
    kept, draft.fresh = draft.fresh, []
    try:
        async with on.db.writing() as session:
            recipient = await session.get(Recipient, who.recipient_id)
            assert recipient is not None
            await draft_rows.store_draft(session, on.ring, fresh, who.recipient_id, recipient.public_key, None, g.now)
    except Changed:
        draft.fresh = kept
        return False
    return True
