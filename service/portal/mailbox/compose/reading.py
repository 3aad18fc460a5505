"""Reading the form as it streams in; files are sealed on the way, as far as the budget goes."""

import secrets
from collections.abc import AsyncIterator

from quart import abort, g, request

from service.core.sheet import Part
from service.core.text import one_line
from service.errors import Broken, Refused, TooBig
from service.mailbox import drafts
from service.mailbox.addressees import FIELD_CHARACTERS
from service.mailbox.drafts import SUBJECT_CHARACTERS, TEXT_LONGEST, Draft, TooManyFiles
from service.mailbox.opening import Content, Opened
from service.portal.mailbox.blueprint import reader
from service.portal.mailbox.compose.quoted import content_of
from service.portal.mailbox.compose.work import RefusedFile, Typed, Work, me
from service.portal.mailbox.rows import carried, file_name
from service.portal.session import csrf_ok, is_still_in, show_life
from service.portal.state import portal
from service.portal.uploads import BadForm, FormPart, body_of, read_form

NONCE_CHARACTERS = 64


class OutOfDate(Refused):
    """The form's proof is of a session that ended: its words are in hand, and nothing was done."""


class Ended(Refused):
    """The session ended while the form came in: its words are in hand, and nothing was done."""


async def read_all(work: Work) -> Draft:
    """Read what the form brought into `work.typed` and the draft.

    Raises:
        BadForm: the proof of the session does not come first.
        OutOfDate: it is of another session.
        Ended: the session did, meanwhile.
        ClientGone: it ended too early.
    """
    parts = _parts()
    if not await _is_proven(parts):
        await read_words(work.typed, parts)
        raise OutOfDate
    async for part in parts:
        if part.file_name is None:
            await _field(work.typed, part)
        elif part.name == "files" and part.file_name:
            await add_file(work, await _begin(work), part)
    if not await is_still_in():
        raise Ended
    return await _begin(work)


async def proven_parts() -> AsyncIterator[FormPart]:
    """Give out the fields behind the proof of the session, which comes first. Raises BadForm, ClientGone, Ended."""
    parts = _parts()
    if not await _is_proven(parts):
        abort(400)
    async for part in parts:
        yield part
    if not await is_still_in():
        raise Ended


async def read_words(typed: Typed, parts: AsyncIterator[FormPart] | None = None) -> None:
    """Read what was typed, and drop the files: of a form that nothing is done for. Raises BadForm, ClientGone."""
    async for part in parts or _parts():
        if part.file_name is None:
            await _field(typed, part)
        elif part.file_name:
            typed.dropped_files += 1


def _parts() -> AsyncIterator[FormPart]:
    return read_form(body_of(request.scope), request.headers.get("Content-Type", ""))


async def _is_proven(parts: AsyncIterator[FormPart]) -> bool:
    """Take the first field, and say whether it is the proof of the session. Raises BadForm, ClientGone."""
    first = await anext(parts, None)
    if first is None or first.name != "csrf":
        raise BadForm
    return csrf_ok({"csrf": await first.text(128)})


async def add_file(work: Work, draft: Draft, part: FormPart) -> None:
    """Seal one file, or read it to its end only to say by how much it was too big."""
    typed = work.typed
    room = work.budget - draft.files_size - typed.size
    seen = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal seen
        async for piece in part.pieces:
            seen += len(piece)
            await show_life()
            yield piece

    try:
        await drafts.add_file(portal().blobs, draft, part.file_name or "", part.type, counted(), max(0, room))
        typed.added += 1
    except (TooBig, TooManyFiles) as exc:
        async for piece in part.pieces:
            seen += len(piece)
        name = one_line(part.file_name or "", 200)
        typed.refused_files.append(RefusedFile(name, seen, max(0, seen - room), isinstance(exc, TooManyFiles)))


async def _begin(work: Work) -> Draft:
    """Have a draft in hand before the first file comes, with those of the original's files that were ticked."""
    typed = work.typed
    if work.draft is None:
        nonce = typed.nonce or secrets.token_hex(16)
        message_id = drafts.draft_id(reader().recipient_id, nonce)
        if work.original is None:
            work.draft = drafts.begin_new(message_id, me(), g.now, portal().settings.retention)
        else:
            work.draft = drafts.begin(message_id, work.original, me(), g.now, is_forward=work.is_forward)
    if work.is_forward and typed.carries and work.original is not None:
        typed.carries = False  # once for each form
        await _carry(work, work.draft, work.original)
    return work.draft


async def _carry(work: Work, draft: Draft, original: Opened) -> None:
    """Add the original's files that are ticked and not there yet, and take out those that are not ticked."""
    content = await content_of(original)
    parts = carried(original.sheet)
    names = {file_name(part) for part in parts}
    held: set[int] = set()
    for part in parts:
        alike = [one for one in draft.files if one.sha256 == part.sha256 and one.number not in held]
        same = next((one for one in alike if one.name == file_name(part)), None)
        same = same or next((one for one in alike if one.name not in names), None)
        if part.number not in work.typed.carry:
            if same is not None:
                drafts.remove_file(draft, same.number)
            continue
        if same is None:
            same = await _carry_one(work, draft, part, content)
        if same is not None:
            held.add(same.number)


async def _carry_one(work: Work, draft: Draft, part: Part, content: Content) -> Part | None:
    """Seal one of the original's files anew, under the draft's own key."""
    room = work.budget - draft.files_size - work.typed.size
    name = file_name(part)
    try:
        return await drafts.add_file(portal().blobs, draft, name, part.type, content.open_part(part), max(0, room))
    except (TooBig, TooManyFiles) as exc:
        is_too_many = isinstance(exc, TooManyFiles)
        work.typed.refused_files.append(RefusedFile(name, part.size, max(0, part.size - room), is_too_many))
    except Broken:
        work.typed.refused_files.append(RefusedFile(name, part.size, 0, is_broken=True))
    return None


async def _field(typed: Typed, part: FormPart) -> None:
    if part.name in {"to", "cc"}:
        setattr(typed, part.name, one_line((await part.text(FIELD_CHARACTERS)).replace("\n", ","), FIELD_CHARACTERS))
    elif part.name == "subject":
        typed.subject = one_line(await part.text(4 * SUBJECT_CHARACTERS), SUBJECT_CHARACTERS)
    elif part.name in {"nonce", "do", "base"}:
        setattr(typed, part.name, await part.text(NONCE_CHARACTERS))
    elif part.name == "carries":
        typed.carries = True
    elif part.name == "carry":
        number = await part.text(8)
        typed.carry |= {int(number)} if number.isdecimal() else set()
    elif part.name == "plain":
        typed.is_plain = True
    elif part.name == "text":
        typed.text = await _text(typed, part)
    elif part.name == "html":
        over_by = typed.text_over_by
        html = await _text(typed, part)
        typed.html = html if typed.text_over_by == over_by else None  # cut markup is none


async def _text(typed: Typed, part: FormPart) -> str:
    """Read what was typed, and count what is too much."""
    held = bytearray()
    async for piece in part.pieces:
        room = TEXT_LONGEST - len(held)
        held += piece[:room]
        typed.text_over_by += max(0, len(piece) - room)
    return held.decode("utf-8", "ignore" if typed.text_over_by else "replace").replace("\r\n", "\n")
