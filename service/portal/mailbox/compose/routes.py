"""The addresses of the form. Opening one writes nothing; each POST is read as a stream."""

import asyncio
from collections import Counter
from uuid import UUID

from quart import abort, g, redirect, request, url_for
from quart.typing import ResponseReturnValue

from service.core.states import MessageKind
from service.errors import TooBig
from service.mailbox import draft_rows, drafts
from service.mailbox.addressees import answer_to, written
from service.mailbox.deliveries import get_by_message
from service.mailbox.opening import Opened, open_delivery
from service.mailbox.replies import forward_subject, reply_subject
from service.portal.mailbox.blueprint import mailbox, open_message, reader
from service.portal.mailbox.compose.act import act, resume
from service.portal.mailbox.compose.page import show
from service.portal.mailbox.compose.reading import read_all
from service.portal.mailbox.compose.work import Typed, Work, me
from service.portal.mailbox.rows import carried
from service.portal.session import signed_in
from service.portal.state import portal
from service.portal.uploads import BadForm, ClientGone

UPLOADS_AT_ONCE = 2
"""Of one account, in this process."""
_uploading: Counter[UUID] = Counter()


@mailbox.get("/m/<delivery>/reply")
@signed_in
async def reply(delivery: str) -> str:
    return await _new_reply(delivery, everyone=False)


@mailbox.get("/m/<delivery>/reply-all")
@signed_in
async def reply_all(delivery: str) -> str:
    return await _new_reply(delivery, everyone=True)


@mailbox.get("/m/<delivery>/forward")
@signed_in
async def forward(delivery: str) -> str:
    opened = await _original(delivery)
    typed = Typed(subject=forward_subject(opened.sheet.subject), carry={part.number for part in carried(opened.sheet)})
    return await show(Work(opened, is_forward=True, typed=typed))


@mailbox.post("/m/<delivery>/forward")
@signed_in
async def send_forward(delivery: str) -> ResponseReturnValue:
    return await _take(Work(await _original(delivery), is_forward=True))


@mailbox.post("/m/<delivery>/reply")
@signed_in
async def send_reply(delivery: str) -> ResponseReturnValue:
    return await _take(Work(await _original(delivery)))


@mailbox.post("/m/<delivery>/reply-all")
@signed_in
async def send_reply_all(delivery: str) -> ResponseReturnValue:
    return await _take(Work(await _original(delivery)))


@mailbox.get("/drafts/<delivery>")
@signed_in
async def draft(delivery: str) -> str:
    opened, original = await _open_draft(delivery)
    taken = await resume(opened)
    sheet = opened.sheet
    text = await drafts.read_typed(portal().blobs, taken)
    typed = Typed(written(sheet.to), written(sheet.cc), sheet.subject, text)
    return await show(Work(original, taken.is_forward, taken, typed=typed), is_saved=True)


@mailbox.post("/drafts/<delivery>")
@signed_in
async def change_draft(delivery: str) -> ResponseReturnValue:
    opened, original = await _open_draft(delivery)
    if opened.message.kind is MessageKind.REPLY:  # sent meanwhile, by the same button
        return redirect(url_for("mailbox.message", delivery=original.delivery.id.hex, sent=opened.delivery.id.hex), 303)
    taken = await resume(opened)
    return await _take(Work(original, taken.is_forward, taken))


async def _new_reply(delivery: str, *, everyone: bool) -> str:
    opened = await _original(delivery)
    answer = answer_to(opened.sheet, opened.message.kind, me(), portal().settings.inside, everyone=everyone)
    typed = Typed(written(answer.to), written(answer.cc), reply_subject(opened.sheet.subject))
    return await show(Work(opened, typed=typed), left_out=answer.left_out)


async def _take(work: Work) -> ResponseReturnValue:
    """Take a form. Where it has no draft yet, its nonce makes one message of it, however often it is sent."""
    on, who = portal(), reader()
    if _uploading[who.recipient_id] >= UPLOADS_AT_ONCE:
        abort(429)
    _uploading[who.recipient_id] += 1
    try:
        async with on.db.reading() as session:
            room = await draft_rows.room_beside(
                session, who.recipient_id, work.draft.message_id if work.draft else None, on.settings.drafts_bytes
            )
        work.budget = min(room, on.settings.message_bytes)
        return await act(work, await read_all(work))
    except ClientGone:
        return "", 400
    except BadForm:
        abort(400)
    except TooBig:
        abort(413)
    finally:
        _uploading[who.recipient_id] -= 1
        if not _uploading[who.recipient_id]:
            del _uploading[who.recipient_id]
        if work.draft is not None:
            await asyncio.shield(drafts.forget(on.blobs, work.draft))  # the browser may be gone, its task cancelled


async def _original(delivery: str) -> Opened:
    """Open what is answered or passed on, or answer 404."""
    opened, _ = await open_message(delivery)
    if opened.message.kind is MessageKind.DRAFT:
        abort(404)
    return opened


async def _open_draft(delivery: str) -> tuple[Opened, Opened]:
    """Open a draft and what it answers, or answer 404."""
    on, who = portal(), reader()
    opened, _ = await open_message(delivery)
    answers = opened.message.answers_id
    is_sent = opened.message.kind is MessageKind.REPLY and request.method == "POST"
    if answers is None or (opened.message.kind is not MessageKind.DRAFT and not is_sent):
        abort(404)
    async with on.db.reading() as session:
        answered = await get_by_message(session, who.recipient_id, answers, g.now)
    if answered is None:
        abort(404)
    return opened, open_delivery(on.ring, who.key, answered)
