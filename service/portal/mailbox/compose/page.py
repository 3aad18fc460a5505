"""The form as it is shown: empty, filled from a draft, or with what stopped it."""

import secrets

from quart import render_template, request, url_for

from service.core.sheet import Person
from service.core.states import Folder, MessageKind
from service.portal.mailbox.blueprint import reader, side, side_of
from service.portal.mailbox.compose.quoted import quote_of
from service.portal.mailbox.compose.work import Faults, Work
from service.portal.mailbox.files import icon_of
from service.portal.mailbox.rows import carried, file_name
from service.portal.state import portal


async def show(
    work: Work, faults: Faults | None = None, *, is_saved: bool = False, left_out: tuple[Person, ...] = ()
) -> str:
    on, who = portal(), reader()
    original, typed = work.original, work.typed
    stored = work.draft if work.draft and work.draft.loaded else None
    async with on.db.reading() as session:
        beside = await (side(session, Folder.DRAFTS) if stored else side_of(session, original.delivery))
    files = stored.files if stored else ()
    offered = carried(original.sheet) if work.is_forward and not stored else ()
    used = (stored.files_size if stored else sum(part.size for part in offered)) + len(typed.text.encode())
    people = original.sheet.to if original.message.kind is not MessageKind.RECEIVED else (original.sheet.sender,)
    return await render_template(
        "mailbox/compose.html",
        id=original.delivery.id.hex,
        action=url_for("mailbox.draft", delivery=stored.delivery_id.hex) if stored else request.path,
        name=(people[0].name or people[0].address) if people else "",
        original=original.sheet,
        quote=await quote_of(original),
        typed=typed,
        nonce=typed.nonce or secrets.token_hex(16),
        files=[(part, icon_of(part.name)) for part in files],
        is_forward=work.is_forward,
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
