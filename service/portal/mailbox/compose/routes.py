"""The addresses of the form. Opening one writes nothing; each POST is read as a stream."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

from quart import abort, g, request
from quart.typing import ResponseReturnValue

from service.core.states import MessageKind
from service.errors import TooBig
from service.mailbox import draft_rows, drafts
from service.mailbox.addressees import answer_to, written
from service.mailbox.deliveries import get_by_message
from service.mailbox.drafts import FORWARD
from service.mailbox.opening import Opened, open_delivery
from service.mailbox.replies import forward_subject, reply_subject
from service.portal.mailbox.blueprint import mailbox, open_message, reader
from service.portal.mailbox.compose.act import act, after_sending, resume
from service.portal.mailbox.compose.body import signature
from service.portal.mailbox.compose.kept import keep_words, keeps_words
from service.portal.mailbox.compose.page import show, wants_told
from service.portal.mailbox.compose.reading import Ended, OutOfDate
from service.portal.mailbox.compose.uploading import upload
from service.portal.mailbox.compose.work import Typed, Work, me
from service.portal.mailbox.rows import carried
from service.portal.session import signed_in
from service.portal.state import portal
from service.portal.uploads import BadForm, ClientGone

UPLOADS_AT_ONCE = 2
"""Of one account, in this process."""
_uploading: Counter[UUID] = Counter()
Do = Callable[[Work], Awaitable[ResponseReturnValue]]


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
    carry = {part.number for part in carried(opened.sheet)}
    typed = Typed(subject=forward_subject(opened.sheet.subject), text=await _below(), carry=carry)
    return await show(Work(opened, is_forward=True, typed=typed))


@mailbox.post("/m/<delivery>/forward")
@keeps_words
@signed_in
async def send_forward(delivery: str) -> ResponseReturnValue:
    return await _take(Work(await _original(delivery), is_forward=True), act)


@mailbox.post("/m/<delivery>/reply")
@keeps_words
@signed_in
async def send_reply(delivery: str) -> ResponseReturnValue:
    return await _take(Work(await _original(delivery)), act)


@mailbox.post("/m/<delivery>/reply-all")
@keeps_words
@signed_in
async def send_reply_all(delivery: str) -> ResponseReturnValue:
    return await _take(Work(await _original(delivery)), act)


@mailbox.get("/compose")
@signed_in
async def new() -> str:
    _allow_new()
    return await show(Work(None, typed=Typed(text=await _below())))


@mailbox.post("/compose")
@keeps_words
@signed_in
async def send_new() -> ResponseReturnValue:
    _allow_new()
    return await _take(Work(None), act)


@mailbox.get("/drafts/<delivery>")
@signed_in
async def draft(delivery: str) -> str:
    work, opened = await _open_draft(delivery)
    work.draft = await resume(opened)
    sheet = opened.sheet
    text, html = await drafts.read_typed(portal().blobs, work.draft)
    work.typed = Typed(written(sheet.to), written(sheet.cc), sheet.subject, text, html)
    return await show(work, is_saved=True)


@mailbox.post("/drafts/<delivery>")
@keeps_words
@signed_in
async def change_draft(delivery: str) -> ResponseReturnValue:
    work, opened = await _open_draft(delivery)
    if opened.message.kind is MessageKind.REPLY:  # sent meanwhile, by the same button
        return after_sending(work, opened.delivery.id.hex)
    work.draft = await resume(opened)
    return await _take(work, act)


@mailbox.post("/drafts/<delivery>/files")
@signed_in
async def add_file(delivery: str) -> ResponseReturnValue:
    work, opened = await _open_draft(delivery)
    if opened.message.kind is MessageKind.REPLY:
        abort(404)
    work.draft = await resume(opened)
    return await _take(work, upload)


async def _new_reply(delivery: str, *, everyone: bool) -> str:
    opened = await _original(delivery)
    answer = answer_to(opened.sheet, opened.message.kind, me(), portal().settings.inside, everyone=everyone)
    typed = Typed(written(answer.to), written(answer.cc), reply_subject(opened.sheet.subject), await _below())
    return await show(Work(opened, typed=typed), left_out=answer.left_out)


async def _below() -> str:
    """Return what stands below what is to be written."""
    text = await signature()
    return f"\n\n{text}" if text else ""


def _allow_new() -> None:
    if not portal().settings.new_messages:
        abort(404)


async def _take(work: Work, do: Do) -> ResponseReturnValue:
    """Take a form. Where it has no draft yet, its nonce makes one message of it, however often it is sent."""
    on, who = portal(), reader()
    if _uploading[who.recipient_id] >= UPLOADS_AT_ONCE:
        abort(429)
    _uploading[who.recipient_id] += 1
    try:
        async with on.db.reading() as session:
            work.room = await draft_rows.room_beside(
                session, who.recipient_id, work.draft.message_id if work.draft else None, on.settings.drafts_bytes
            )
        work.budget = min(work.room, on.settings.message_bytes)
        return await do(work)
    except ClientGone:
        return "", 400
    except Ended:
        return await keep_words(work.typed)
    except OutOfDate:
        if wants_told():
            abort(400, "stale")
        return await show(work, is_stale=True), 400
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


async def _open_draft(delivery: str) -> tuple[Work, Opened]:
    """Open a draft and what it answers, or answer 404."""
    on, who = portal(), reader()
    opened, _ = await open_message(delivery)
    is_sent = opened.message.kind is MessageKind.REPLY and request.method == "POST"
    if opened.message.kind is not MessageKind.DRAFT and not is_sent:
        abort(404)
    answers = opened.message.answers_id
    if answers is None:
        _allow_new()
        return Work(None), opened
    async with on.db.reading() as session:
        answered = await get_by_message(session, who.recipient_id, answers, g.now)
    if answered is None:
        abort(404)
    return Work(open_delivery(on.ring, who.key, answered), FORWARD in opened.sheet.notes), opened
