"""The form as it is shown: empty, filled from a draft, or with what stopped it; and the same told to the script."""

import secrets
from typing import Any

from quart import g, jsonify, render_template, request, url_for
from quart.wrappers import Response

from service.core.sheet import Person
from service.core.states import Folder, MessageKind
from service.mailbox.drafts import FILES_MOST, Draft
from service.portal.dates import size
from service.portal.language import gettext as _
from service.portal.mailbox.blueprint import reader, side, side_of
from service.portal.mailbox.compose.quoted import quote_of
from service.portal.mailbox.compose.refusals import why
from service.portal.mailbox.compose.work import Faults, RefusedFile, Work
from service.portal.mailbox.files import icon_of
from service.portal.mailbox.rows import carried, file_name
from service.portal.state import portal


async def show(
    work: Work,
    faults: Faults | None = None,
    *,
    is_saved: bool = False,
    is_stale: bool = False,
    left_out: tuple[Person, ...] = (),
) -> str:
    on, who = portal(), reader()
    original, typed = work.original, work.typed
    stored = work.draft if work.draft and work.draft.loaded else None
    async with on.db.reading() as session:
        if stored or original is None:
            beside = await side(session, Folder.DRAFTS)
        else:
            beside = await side_of(session, original.delivery)
    offered = carried(original.sheet) if original and work.is_forward and not stored else ()
    files_size = stored.files_size if stored else sum(part.size for part in offered)
    return await render_template(
        "mailbox/compose.html",
        id=original.delivery.id.hex if original else "",
        action=url_for("mailbox.draft", delivery=stored.delivery_id.hex) if stored else request.path,
        name=_first_name(work),
        original=original.sheet if original else None,
        quote=await quote_of(original) if original else "",
        typed=typed,
        nonce=typed.nonce or secrets.token_hex(16),
        base=stored.base if stored else "",
        draft_link=url_for("mailbox.draft", delivery=stored.delivery_id.hex) if stored else "",
        files=[(part, icon_of(part.name)) for part in (stored.files if stored else ())],
        files_most=FILES_MOST,
        is_forward=work.is_forward,
        is_new=original is None,
        offered=[(part, file_name(part)) for part in offered],
        faults=faults or Faults(),
        why=why,
        left_out=left_out,
        is_stale=is_stale,
        is_saved=is_saved and stored is not None,
        files_size=files_size,
        used=files_size + typed.size,
        limit=on.settings.message_bytes,
        address=who.address,
        **beside,
    )


def wants_told() -> bool:
    """Say whether the script asks, which shows the answer on the page that stands."""
    return request.headers.get("Accept", "") == "application/json"


def tell(work: Work, draft: Draft | None, **more: Any) -> Response:
    """Tell the script what is stored."""
    told: dict[str, Any] = {"refused": [refused_words(one) for one in work.typed.refused_files]}
    if draft is not None:
        files = [
            {"number": part.number, "name": part.name, "size": part.size, "icon": icon_of(part.name)}
            for part in draft.files
        ]
        place = url_for("mailbox.draft", delivery=draft.delivery_id.hex)
        told |= {"draft": place, "base": draft.base, "files": files, "body": draft.body_size}
        if over := work.typed.text_over_by:
            cut = _("The text is %(over)s too long. Its end was cut off; send it as a file.")
            told["cut"] = cut % {"over": size(over)}
        told["saved"] = _("Draft saved %(time)s") % {"time": g.times.clock(g.now)}
    answer: Response = jsonify(told | more)
    return answer


def _first_name(work: Work) -> str:
    """Return whom a reply is to."""
    if work.original is None:
        return ""
    sheet, is_received = work.original.sheet, work.original.message.kind is MessageKind.RECEIVED
    people = (sheet.sender,) if is_received else sheet.to
    return (people[0].name or people[0].address) if people else ""


def refused_words(refused: RefusedFile) -> str:
    """Say why a file was not added."""
    names = {"name": refused.name}
    if refused.is_broken:
        return _("%(name)s could not be read and was not added.") % names
    if refused.is_too_many:
        return _("%(name)s was not added: a message holds 100 files.") % names
    sizes = {"size": size(refused.size), "left": size(max(0, refused.size - refused.over_by))}
    return _("%(name)s is %(size)s. You have %(left)s left. Remove a file or send it in a second message.") % (
        names | sizes
    )
