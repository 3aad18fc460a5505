"""Doing what the pressed button says: save, send, discard, take a file out."""

from dataclasses import replace

from quart import g, redirect, url_for
from quart.typing import ResponseReturnValue

from service.core.states import MessageKind
from service.core.text import one_line
from service.db.tables import Recipient
from service.mailbox import draft_rows, drafts
from service.mailbox.addressees import check_people, over_count, read_people
from service.mailbox.deliveries import get_by_message
from service.mailbox.drafts import SUBJECT_CHARACTERS, Changed, Draft
from service.mailbox.opening import Opened, open_delivery
from service.mailbox.replies import FORWARDED_CHARACTERS, finish, send, with_forwarded, with_quote
from service.portal.mailbox.blueprint import reader
from service.portal.mailbox.compose.page import show
from service.portal.mailbox.compose.quoted import quote_of
from service.portal.mailbox.compose.work import Faults, Work
from service.portal.state import portal


async def act(work: Work, draft: Draft) -> ResponseReturnValue:
    typed = work.typed
    if typed.do == "discard":
        return await _discard(work, draft)
    if typed.do.startswith("remove-") and typed.do.removeprefix("remove-").isdecimal():
        drafts.remove_file(draft, int(typed.do.removeprefix("remove-")))
    draft.sheet = replace(
        draft.sheet,
        to=read_people(typed.to),
        cc=read_people(typed.cc),
        subject=one_line(typed.subject, SUBJECT_CHARACTERS),
    )
    whole = await _whole(work, draft) if typed.do == "send" else typed.text
    faults = _check(work, draft, whole) if typed.do == "send" else Faults()
    is_sent = typed.do == "send" and not faults and not typed.refused_files and not typed.text_over_by
    if not await _store(work, draft, whole if is_sent else typed.text, is_sent=is_sent):
        return await _changed(work, draft)
    if is_sent:
        return _to_original(work, sent=draft.delivery_id.hex)
    if faults or typed.refused_files or typed.text_over_by:
        return await show(work, faults, is_saved=True), 422
    return redirect(url_for("mailbox.draft", delivery=draft.delivery_id.hex), 303)


async def resume(opened: Opened) -> Draft:
    """Take a stored draft in hand. Raises Changed where it is none any more."""
    async with portal().db.reading() as session:
        return drafts.resume(opened, await draft_rows.list_stored(session, opened.message.id))


async def _whole(work: Work, draft: Draft) -> str:
    """Return what is sent: what was typed, and the original below it. A reply does without where that is too big."""
    settings, typed, original = portal().settings, work.typed, work.original
    if work.is_forward:
        text = await quote_of(original, FORWARDED_CHARACTERS + 1)
        return with_forwarded(typed.text, text, original.sheet, settings.zone)
    whole = with_quote(typed.text, await quote_of(original), original.sheet, settings.zone)
    return whole if draft.files_size + len(whole.encode()) <= settings.message_bytes else typed.text


async def _store(work: Work, draft: Draft, text: str, *, is_sent: bool) -> bool:
    on, who = portal(), reader()
    if is_sent:
        finish(draft, g.now)
    await drafts.set_text(on.blobs, draft, text)
    fresh, draft.fresh = draft.fresh, []  # where the commit's outcome is not known, nothing may be deleted
    try:
        async with on.db.writing() as session:
            recipient = await session.get(Recipient, who.recipient_id)
            assert recipient is not None
            message = await draft_rows.store_draft(
                session, on.ring, draft, who.recipient_id, recipient.public_key, work.typed.text, g.now
            )
            if is_sent:
                await send(session, on.ring, message, draft, g.now)
    except Changed:
        draft.fresh = fresh
        return False
    draft.fresh, draft.stale = draft.stale, []
    return True


async def _changed(work: Work, draft: Draft) -> ResponseReturnValue:
    """Say that a form which was sent twice is sent, where it is; else show what was typed beside what is stored."""
    on, who = portal(), reader()
    async with on.db.reading() as session:
        own = await get_by_message(session, who.recipient_id, draft.message_id, g.now)
    if own is not None and own.message.kind is MessageKind.REPLY:
        return _to_original(work, sent=own.id.hex)
    stored = None
    if own is not None and own.message.kind is MessageKind.DRAFT:
        stored = await resume(open_delivery(on.ring, who.key, own))
    work.typed.nonce = ""  # this one is spent
    shown = replace(work, draft=stored)
    return await show(shown, Faults(changed=True), is_saved=True), 409


async def _discard(work: Work, draft: Draft) -> ResponseReturnValue:
    on, who = portal(), reader()
    if draft.loaded is not None:
        async with on.db.writing() as session:
            draft.fresh += await draft_rows.discard(session, draft, who.recipient_id)
    return _to_original(work)


def _to_original(work: Work, sent: str | None = None) -> ResponseReturnValue:
    return redirect(url_for("mailbox.message", delivery=work.original.delivery.id.hex, sent=sent), 303)


def _check(work: Work, draft: Draft, whole: str) -> Faults:
    on = portal()
    sheet, typed = draft.sheet, work.typed
    ours = on.settings.own_mailboxes
    size = draft.files_size + len((whole if work.is_forward else typed.text).encode())
    return Faults(
        to=check_people(sheet.to, on.settings.inside, ours),
        cc=check_people(sheet.cc, on.settings.inside, ours),
        nobody=not sheet.to and not sheet.cc,
        too_many=over_count(sheet.to, sheet.cc),
        empty=not work.is_forward and not typed.text.strip() and not draft.files,
        over_by=max(0, size - on.settings.message_bytes),
    )
