"""Doing what the pressed button says: save, send, discard, take a file out."""

from dataclasses import replace

from quart import g, redirect, url_for
from quart.typing import ResponseReturnValue

from service.accounts.rates import SENDS, allow
from service.core.states import MessageKind
from service.core.text import one_line
from service.db.tables import Delivery, Recipient
from service.mailbox import draft_rows, drafts
from service.mailbox.addressees import check_people, over_count, read_people
from service.mailbox.deliveries import get_by_message
from service.mailbox.drafts import SUBJECT_CHARACTERS, Changed, Draft
from service.mailbox.opening import Opened, open_delivery
from service.mailbox.replies import (
    FORWARDED_CHARACTERS,
    finish,
    send,
    with_forwarded,
    with_forwarded_html,
    with_quote,
    with_quote_html,
)
from service.portal.mailbox.blueprint import reader
from service.portal.mailbox.compose.body import settle_body, signature
from service.portal.mailbox.compose.page import show, tell, wants_told
from service.portal.mailbox.compose.quoted import quote_of
from service.portal.mailbox.compose.reading import read_all
from service.portal.mailbox.compose.work import Faults, Typed, Work
from service.portal.state import portal

Body = tuple[str, str | None]
"""Plain words, and markup where there is one."""


async def act(work: Work) -> ResponseReturnValue:
    draft, typed = await read_all(work), work.typed
    if typed.do == "discard":
        return await _discard(work, draft)
    await settle_body(typed, draft)
    if _was_written_elsewhere(typed, draft):
        return await _changed(work, draft)
    _take_words(typed, draft)
    is_wanted = typed.do == "send"
    whole = await _whole(work, draft) if is_wanted else (typed.text, typed.html)
    faults = await _check(work, draft, whole) if is_wanted else Faults()
    is_stopped = bool(faults or typed.refused_files or typed.text_over_by)
    if is_wanted and not is_stopped:
        faults.too_often = is_stopped = not await _may_send()
    is_sent = is_wanted and not is_stopped
    if not is_sent and (over_by := draft.files_size + typed.size - work.room) > 0:
        return await _not_kept(work, draft, replace(faults, drafts_over_by=over_by))
    if not await _store(work, draft, whole if is_sent else (typed.text, typed.html), is_sent=is_sent):
        return await _changed(work, draft)
    if wants_told():
        return tell(work, draft)
    if is_sent:
        return after_sending(work, draft.delivery_id.hex)
    if is_stopped:
        return await show(work, faults, is_saved=True), 422
    return redirect(url_for("mailbox.draft", delivery=draft.delivery_id.hex), 303)


async def _may_send() -> bool:
    on = portal()
    async with on.db.writing() as session:
        return await allow(session, on.ring, SENDS, reader().account_id.hex, g.now)


async def resume(opened: Opened) -> Draft:
    """Take a stored draft in hand. Raises Changed where it is none any more."""
    async with portal().db.reading() as session:
        return drafts.resume(opened, await draft_rows.list_stored(session, opened.message.id))


def after_sending(work: Work, sent: str) -> ResponseReturnValue:
    """Go where the sending is confirmed: to what was answered, or to what was sent."""
    shown = work.original.delivery.id.hex if work.original else sent
    return redirect(url_for("mailbox.message", delivery=shown, sent=sent), 303)


def _was_written_elsewhere(typed: Typed, draft: Draft) -> bool:
    """Say whether another window wrote since this one last knew; a window never disagrees with itself."""
    if draft.loaded is None or not typed.base or typed.base == draft.base:
        return False
    return draft.window != typed.nonce[:32]


def _take_words(typed: Typed, draft: Draft) -> None:
    if typed.do.startswith("remove-") and typed.do.removeprefix("remove-").isdecimal():
        drafts.remove_file(draft, int(typed.do.removeprefix("remove-")))
    draft.sheet = replace(
        draft.sheet,
        to=read_people(typed.to),
        cc=read_people(typed.cc),
        subject=one_line(typed.subject, SUBJECT_CHARACTERS),
    )
    draft.written_in(typed.nonce)


async def _whole(work: Work, draft: Draft) -> Body:
    """Return what is sent: what was typed, and the original below it. A reply does without where that is too big."""
    settings, typed, original = portal().settings, work.typed, work.original
    bare = typed.text, typed.html
    if original is None:
        return bare
    if work.is_forward:
        about = await quote_of(original, FORWARDED_CHARACTERS + 1), original.sheet, settings.zone
        return with_forwarded(typed.text, *about), typed.html and with_forwarded_html(typed.html, *about)
    about = await quote_of(original), original.sheet, settings.zone
    whole = with_quote(typed.text, *about), typed.html and with_quote_html(typed.html, *about)
    return whole if draft.files_size + _size(whole) <= settings.message_bytes else bare


async def _store(work: Work, draft: Draft, body: Body, *, is_sent: bool) -> bool:
    on, who = portal(), reader()
    if is_sent:
        draft.written_in("")
        finish(draft, g.now)
        if work.original is None:
            draft.expires_at = g.now + on.settings.retention
    await drafts.set_body(on.blobs, draft, *body)
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
        return after_sending(work, own.id.hex)
    stored = await _stored(own)
    if wants_told():
        return tell(work, stored, is_changed=True), 409
    work.typed.nonce = ""  # this one is spent
    shown = replace(work, draft=stored)
    return await show(shown, Faults(changed=True), is_saved=True), 409


async def _not_kept(work: Work, draft: Draft, faults: Faults) -> ResponseReturnValue:
    """Show what was typed, beside what is stored; what came with this form is not kept."""
    if wants_told():
        return tell(work, None), 413
    async with portal().db.reading() as session:
        own = await get_by_message(session, reader().recipient_id, draft.message_id, g.now)
    return await show(replace(work, draft=await _stored(own)), faults), 422


async def _stored(own: Delivery | None) -> Draft | None:
    if own is None or own.message.kind is not MessageKind.DRAFT:
        return None
    return await resume(open_delivery(portal().ring, reader().key, own))


async def _discard(work: Work, draft: Draft) -> ResponseReturnValue:
    on, who = portal(), reader()
    if draft.loaded is not None:
        async with on.db.writing() as session:
            draft.fresh += await draft_rows.discard(session, draft, who.recipient_id)
    if work.original is None:
        return redirect(url_for("mailbox.inbox"), 303)
    return redirect(url_for("mailbox.message", delivery=work.original.delivery.id.hex), 303)


async def _check(work: Work, draft: Draft, whole: Body) -> Faults:
    on = portal()
    sheet, typed = draft.sheet, work.typed
    ours = on.settings.own_mailboxes
    size = draft.files_size + (_size(whole) if work.is_forward else typed.size)
    is_empty = not work.is_forward and not draft.files and typed.text.strip() in {"", (await signature()).strip()}
    return Faults(
        to=check_people(sheet.to, on.settings.inside, ours),
        cc=check_people(sheet.cc, on.settings.inside, ours),
        nobody=not sheet.to and not sheet.cc,
        too_many=over_count(sheet.to, sheet.cc, on.rules),
        empty=is_empty,
        over_by=max(0, size - on.settings.message_bytes),
    )


def _size(body: Body) -> int:
    return len(body[0].encode()) + len((body[1] or "").encode())
