"""Answering and passing on: the form, drafts, sending. Opening a form writes nothing; each POST is read as a stream."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from uuid import UUID

from quart import abort, g, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue

from service.core.sheet import Part, Person
from service.core.states import Folder, MessageKind
from service.core.text import one_line
from service.db.tables import Recipient
from service.errors import Broken, TooBig
from service.mailbox import drafts
from service.mailbox.addressees import (
    FIELD_CHARACTERS,
    RefusedAddress,
    answer_to,
    check_people,
    over_count,
    read_people,
    written,
)
from service.mailbox.deliveries import get_by_message, list_blobs
from service.mailbox.drafts import SUBJECT_CHARACTERS, TEXT_LONGEST, Changed, Draft, TooManyFiles
from service.mailbox.opening import Content, Opened, open_delivery
from service.mailbox.replies import (
    FORWARDED_CHARACTERS,
    QUOTED_CHARACTERS,
    finish,
    forward_subject,
    reply_subject,
    send,
    with_forwarded,
    with_quote,
)
from service.mailbox.shown import read_plain
from service.portal.mailbox.blueprint import mailbox, open_message, reader, side, side_of
from service.portal.mailbox.files import icon_of
from service.portal.mailbox.rows import carried, file_name
from service.portal.session import csrf_ok, signed_in
from service.portal.state import portal
from service.portal.uploads import BadForm, ClientGone, FormPart, body_of, read_form

NONCE_CHARACTERS = 64
UPLOADS_AT_ONCE = 2
"""Of one account, in this process."""
_uploading: Counter[UUID] = Counter()


@dataclass(slots=True)
class TooBigFile:
    """A file that did not fit."""

    name: str
    size: int
    over_by: int
    is_too_many: bool = False
    is_broken: bool = False


@dataclass(slots=True)
class Typed:
    """What a form brought."""

    to: str = ""
    cc: str = ""
    subject: str = ""
    text: str = ""
    nonce: str = ""
    do: str = ""
    text_over_by: int = 0
    added: int = 0
    carries: bool = False
    """The form showed the original's files; `carry` are those that were ticked."""
    carry: set[int] = field(default_factory=set)
    refused_files: list[TooBigFile] = field(default_factory=list)


@dataclass(slots=True)
class Faults:
    """Why a reply was not sent; each is shown at its field."""

    to: list[RefusedAddress] = field(default_factory=list)
    cc: list[RefusedAddress] = field(default_factory=list)
    nobody: bool = False
    too_many: int = 0
    empty: bool = False
    over_by: int = 0
    changed: bool = False

    def __bool__(self) -> bool:
        return bool(self.to or self.cc or self.nobody or self.too_many or self.empty or self.over_by or self.changed)


@mailbox.get("/m/<delivery>/reply")
@signed_in
async def reply(delivery: str) -> str:
    return await _new_form(delivery, everyone=False)


@mailbox.get("/m/<delivery>/reply-all")
@signed_in
async def reply_all(delivery: str) -> str:
    return await _new_form(delivery, everyone=True)


@mailbox.get("/m/<delivery>/forward")
@signed_in
async def forward(delivery: str) -> str:
    opened, _ = await open_message(delivery)
    if opened.message.kind is MessageKind.DRAFT:
        abort(404)
    typed = Typed(subject=forward_subject(opened.sheet.subject), carry={part.number for part in carried(opened.sheet)})
    return await _form(opened, typed, None, is_forward=True)


@mailbox.post("/m/<delivery>/forward")
@signed_in
async def send_forward(delivery: str) -> ResponseReturnValue:
    return await _take_new(delivery, is_forward=True)


@mailbox.post("/m/<delivery>/reply")
@signed_in
async def send_reply(delivery: str) -> ResponseReturnValue:
    return await _take_new(delivery)


@mailbox.post("/m/<delivery>/reply-all")
@signed_in
async def send_reply_all(delivery: str) -> ResponseReturnValue:
    return await _take_new(delivery)


@mailbox.get("/drafts/<delivery>")
@signed_in
async def draft(delivery: str) -> str:
    opened, original = await _open_draft(delivery)
    on = portal()
    taken = await _resume(opened)
    sheet = opened.sheet
    typed = Typed(written(sheet.to), written(sheet.cc), sheet.subject, await drafts.read_typed(on.blobs, taken))
    return await _form(original, typed, taken, is_saved=True, is_forward=taken.is_forward)


@mailbox.post("/drafts/<delivery>")
@signed_in
async def change_draft(delivery: str) -> ResponseReturnValue:
    opened, original = await _open_draft(delivery)
    if opened.message.kind is MessageKind.REPLY:  # sent meanwhile, by the same button
        return redirect(url_for("mailbox.message", delivery=original.delivery.id.hex, sent=opened.delivery.id.hex), 303)
    taken = await _resume(opened)
    return await _take(taken, original, is_forward=taken.is_forward)


async def _new_form(delivery: str, *, everyone: bool) -> str:
    opened, _ = await open_message(delivery)
    if opened.message.kind is MessageKind.DRAFT:
        abort(404)
    answer = answer_to(opened.sheet, opened.message.kind, _me(), portal().settings.inside, everyone=everyone)
    typed = Typed(written(answer.to), written(answer.cc), reply_subject(opened.sheet.subject))
    return await _form(opened, typed, None, left_out=answer.left_out)


async def _take_new(delivery: str, *, is_forward: bool = False) -> ResponseReturnValue:
    """Take a form that has no draft yet. Its nonce makes one message of it, however often it is sent."""
    original, _ = await open_message(delivery)
    if original.message.kind is MessageKind.DRAFT:
        abort(404)
    return await _take(None, original, is_forward=is_forward)


async def _take(taken: Draft | None, original: Opened, *, is_forward: bool) -> ResponseReturnValue:
    on, who = portal(), reader()
    if _uploading[who.recipient_id] >= UPLOADS_AT_ONCE:
        abort(429)
    _uploading[who.recipient_id] += 1
    current = [taken] if taken else []
    try:
        async with on.db.reading() as session:
            room = await drafts.room_beside(session, who.recipient_id, taken.message_id if taken else None)
        typed = await _read(current, original, min(room, on.settings.message_bytes), is_forward=is_forward)
        return await _act(current[0], original, typed)
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
        for one in current:
            await asyncio.shield(drafts.forget(on.blobs, one))  # the browser may be gone, and its task cancelled


async def _read(current: list[Draft], original: Opened, budget: int, *, is_forward: bool) -> Typed:
    """Read the form as it streams in; files are sealed on the way, as far as the budget goes.

    Raises:
        BadForm: the proof of the session does not come first, or is wrong.
        ClientGone: it ended too early.
    """
    typed = Typed()
    parts = read_form(body_of(request.scope), request.headers.get("Content-Type", ""))
    is_first = True
    async for part in parts:
        if is_first:
            if part.name != "csrf" or not csrf_ok({"csrf": await part.text(128)}):
                abort(400)
            is_first = False
        elif part.file_name is None:
            await _field(typed, part)
        elif part.name == "files" and part.file_name:
            await _begin(current, typed, original, budget, is_forward=is_forward)
            await _file(current[0], typed, part, budget)
    if is_first:
        raise BadForm
    await _begin(current, typed, original, budget, is_forward=is_forward)
    return typed


async def _begin(current: list[Draft], typed: Typed, original: Opened, budget: int, *, is_forward: bool) -> None:
    """Have a draft in hand before the first file comes, with those of the original's files that were ticked."""
    if not current:
        nonce = typed.nonce or secrets.token_hex(16)
        message_id = drafts.draft_id(reader().recipient_id, nonce)
        current.append(drafts.begin(message_id, original, _me(), g.now, is_forward=is_forward))
    if is_forward and typed.carries:
        typed.carries = False  # once for each form
        await _carry(current[0], typed, original, budget)


async def _carry(draft_: Draft, typed: Typed, original: Opened, budget: int) -> None:
    """Add the original's files that are ticked and not there yet, and take out those that are not ticked."""
    content = await _content(original)
    parts = carried(original.sheet)
    names = {file_name(part) for part in parts}
    held: set[int] = set()
    for part in parts:
        alike = [one for one in draft_.files if one.sha256 == part.sha256 and one.number not in held]
        same = next((one for one in alike if one.name == file_name(part)), None)
        same = same or next((one for one in alike if one.name not in names), None)
        if part.number not in typed.carry:
            if same is not None:
                drafts.remove_file(draft_, same.number)
            continue
        if same is None:
            same = await _carry_one(draft_, typed, part, content, budget)
        if same is not None:
            held.add(same.number)


async def _carry_one(draft_: Draft, typed: Typed, part: Part, content: Content, budget: int) -> Part | None:
    """Seal one of the original's files anew, under the draft's own key."""
    room = budget - draft_.files_size - len(typed.text.encode())
    name = file_name(part)
    try:
        return await drafts.add_file(portal().blobs, draft_, name, part.type, content.open_part(part), max(0, room))
    except (TooBig, TooManyFiles) as exc:
        is_too_many = isinstance(exc, TooManyFiles)
        typed.refused_files.append(TooBigFile(name, part.size, max(0, part.size - room), is_too_many))
    except Broken:
        typed.refused_files.append(TooBigFile(name, part.size, 0, is_broken=True))
    return None


async def _field(typed: Typed, part: FormPart) -> None:
    if part.name in {"to", "cc"}:
        setattr(typed, part.name, one_line((await part.text(FIELD_CHARACTERS)).replace("\n", ","), FIELD_CHARACTERS))
    elif part.name == "subject":
        typed.subject = one_line(await part.text(4 * SUBJECT_CHARACTERS), SUBJECT_CHARACTERS)
    elif part.name in {"nonce", "do"}:
        setattr(typed, part.name, await part.text(NONCE_CHARACTERS))
    elif part.name == "carries":
        typed.carries = True
    elif part.name == "carry":
        number = await part.text(8)
        typed.carry |= {int(number)} if number.isdecimal() else set()
    elif part.name == "text":
        await _text(typed, part)


async def _text(typed: Typed, part: FormPart) -> None:
    """Read what was typed, and count what is too much."""
    held = bytearray()
    async for piece in part.pieces:
        room = TEXT_LONGEST - len(held)
        held += piece[:room]
        typed.text_over_by += max(0, len(piece) - room)
    typed.text = held.decode("utf-8", "ignore" if typed.text_over_by else "replace").replace("\r\n", "\n")


async def _file(draft_: Draft, typed: Typed, part: FormPart, budget: int) -> None:
    """Seal one file, or read it to its end only to say by how much it was too big."""
    room = budget - draft_.files_size - len(typed.text.encode())
    seen = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal seen
        async for piece in part.pieces:
            seen += len(piece)
            yield piece

    pieces = counted()
    try:
        await drafts.add_file(portal().blobs, draft_, part.file_name or "", part.type, pieces, max(0, room))
        typed.added += 1
    except (TooBig, TooManyFiles) as exc:
        async for piece in part.pieces:
            seen += len(piece)
        name = one_line(part.file_name or "", 200)
        typed.refused_files.append(TooBigFile(name, seen, max(0, seen - room), isinstance(exc, TooManyFiles)))


async def _act(draft_: Draft, original: Opened, typed: Typed) -> ResponseReturnValue:
    """Do what the pressed button says."""
    if typed.do == "discard":
        return await _discard(draft_, original)
    if typed.do.startswith("remove-") and typed.do.removeprefix("remove-").isdecimal():
        drafts.remove_file(draft_, int(typed.do.removeprefix("remove-")))
    draft_.sheet = replace(
        draft_.sheet,
        to=read_people(typed.to),
        cc=read_people(typed.cc),
        subject=one_line(typed.subject, SUBJECT_CHARACTERS),
    )
    whole = await _whole(draft_, original, typed) if typed.do == "send" else typed.text
    faults = await _check(draft_, typed, whole) if typed.do == "send" else Faults()
    is_sent = typed.do == "send" and not faults and not typed.refused_files and not typed.text_over_by
    if not await _store(draft_, typed, whole if is_sent else typed.text, is_sent=is_sent):
        return await _changed(draft_, original, typed)
    if is_sent:
        return redirect(url_for("mailbox.message", delivery=original.delivery.id.hex, sent=draft_.delivery_id.hex), 303)
    if faults or typed.refused_files or typed.text_over_by:
        return await _form(original, typed, draft_, faults, is_saved=True, is_forward=draft_.is_forward), 422
    return redirect(url_for("mailbox.draft", delivery=draft_.delivery_id.hex), 303)


async def _whole(draft_: Draft, original: Opened, typed: Typed) -> str:
    """Return what is sent: what was typed, and the original below it. A reply does without where that is too big."""
    settings = portal().settings
    if draft_.is_forward:
        text = await _quote(original, FORWARDED_CHARACTERS + 1)
        return with_forwarded(typed.text, text, original.sheet, settings.zone)
    whole = with_quote(typed.text, await _quote(original), original.sheet, settings.zone)
    return whole if draft_.files_size + len(whole.encode()) <= settings.message_bytes else typed.text


async def _store(draft_: Draft, typed: Typed, text: str, *, is_sent: bool) -> bool:
    on, who = portal(), reader()
    if is_sent:
        finish(draft_, g.now)
    await drafts.set_text(on.blobs, draft_, text)
    fresh, draft_.fresh = draft_.fresh, []  # where the commit's outcome is not known, nothing may be deleted
    try:
        async with on.db.writing() as session:
            recipient = await session.get(Recipient, who.recipient_id)
            assert recipient is not None
            message = await drafts.store_draft(
                session, on.ring, draft_, who.recipient_id, recipient.public_key, typed.text, g.now
            )
            if is_sent:
                await send(session, on.ring, message, draft_, g.now)
    except Changed:
        draft_.fresh = fresh
        return False
    draft_.fresh, draft_.stale = draft_.stale, []
    return True


async def _changed(draft_: Draft, original: Opened, typed: Typed) -> ResponseReturnValue:
    """Say that a form which was sent twice is sent, where it is; else show what was typed beside what is stored."""
    on, who = portal(), reader()
    async with on.db.reading() as session:
        own = await get_by_message(session, who.recipient_id, draft_.message_id, g.now)
    if own is not None and own.message.kind is MessageKind.REPLY:
        return redirect(url_for("mailbox.message", delivery=original.delivery.id.hex, sent=own.id.hex), 303)
    stored = None
    if own is not None and own.message.kind is MessageKind.DRAFT:
        stored = await _resume(open_delivery(on.ring, who.key, own))
    typed.nonce = ""  # this one is spent
    is_forward = draft_.is_forward
    return await _form(original, typed, stored, Faults(changed=True), is_saved=True, is_forward=is_forward), 409


async def _discard(draft_: Draft, original: Opened) -> ResponseReturnValue:
    on, who = portal(), reader()
    if draft_.loaded is not None:
        async with on.db.writing() as session:
            keys = await drafts.discard(session, draft_, who.recipient_id)
        draft_.fresh += keys
    return redirect(url_for("mailbox.message", delivery=original.delivery.id.hex), 303)


async def _check(draft_: Draft, typed: Typed, whole: str) -> Faults:
    on = portal()
    sheet = draft_.sheet
    ours = on.settings.own_mailboxes
    size = draft_.files_size + len((whole if draft_.is_forward else typed.text).encode())
    return Faults(
        to=check_people(sheet.to, on.settings.inside, ours),
        cc=check_people(sheet.cc, on.settings.inside, ours),
        nobody=not sheet.to and not sheet.cc,
        too_many=over_count(sheet.to, sheet.cc),
        empty=not draft_.is_forward and not typed.text.strip() and not draft_.files,
        over_by=max(0, size - on.settings.message_bytes),
    )


async def _form(
    original: Opened,
    typed: Typed,
    draft_: Draft | None,
    faults: Faults | None = None,
    *,
    is_saved: bool = False,
    is_forward: bool = False,
    left_out: tuple[Person, ...] = (),
) -> str:
    on, who = portal(), reader()
    async with on.db.reading() as session:
        is_stored = draft_ is not None and draft_.loaded is not None
        beside = await (side(session, Folder.DRAFTS) if is_stored else side_of(session, original.delivery))
    stored = draft_ if draft_ and draft_.loaded else None
    files = stored.files if stored else ()
    offered = carried(original.sheet) if is_forward and not stored else ()
    used = (stored.files_size if stored else sum(part.size for part in offered)) + len(typed.text.encode())
    people = original.sheet.to if original.message.kind is not MessageKind.RECEIVED else (original.sheet.sender,)
    return await render_template(
        "mailbox/compose.html",
        id=original.delivery.id.hex,
        action=url_for("mailbox.draft", delivery=stored.delivery_id.hex) if stored else request.path,
        name=(people[0].name or people[0].address) if people else "",
        original=original.sheet,
        quote=await _quote(original),
        typed=typed,
        nonce=typed.nonce or secrets.token_hex(16),
        files=[(part, icon_of(part.name)) for part in files],
        is_forward=is_forward,
        offered=[(part, file_name(part)) for part in offered],
        faults=faults or Faults(),
        left_out=left_out,
        is_saved=is_saved and stored is not None,
        used=used,
        limit=on.settings.message_bytes,
        domains=on.settings.inside_domains,
        address=who.address,
        **beside,
    )


async def _quote(original: Opened, longest: int = QUOTED_CHARACTERS) -> str:
    """Read what is quoted below a reply; a damaged original can still be answered."""
    try:
        return await read_plain(await _content(original), original.sheet, longest)
    except Broken:
        return ""


async def _content(original: Opened) -> Content:
    on = portal()
    async with on.db.reading() as session:
        return Content.of(on.blobs, original, await list_blobs(session, original.message.id))


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


async def _resume(opened: Opened) -> Draft:
    on = portal()
    async with on.db.reading() as session:
        return drafts.resume(opened, await drafts.list_stored(session, opened.message.id))


def _me() -> Person:
    who = reader()
    return Person(who.name, who.address)
