"""The mail's own text, in documents of their own: in the message page's frame, as plain text, and to print."""

from quart import Response, abort, make_response, render_template, request, url_for

from service.core.states import MessageKind
from service.mailbox.links import Links
from service.mailbox.opening import Opened
from service.mailbox.shown import show_body
from service.mime.notes import DAMAGED
from service.portal.language import gettext as _
from service.portal.language import language
from service.portal.mailbox.blueprint import mailbox, open_message, reader
from service.portal.mailbox.frame import frame_document, frame_headers, print_document
from service.portal.mailbox.rows import list_files, notes_of
from service.portal.mailbox.turns import text_turn
from service.portal.session import signed_in


def shows_remote() -> bool:
    """Say whether pictures from other sites are shown: as asked for this message, else as the reader prefers."""
    return {"1": True, "0": False}.get(request.args.get("images", ""), reader().preferences.remote_pictures)


@mailbox.get("/m/<delivery>/body")
@signed_in
async def body(delivery: str) -> Response:
    return await _frame(delivery, remote=shows_remote(), plain=False)


@mailbox.get("/m/<delivery>/text")
@signed_in
async def text(delivery: str) -> Response:
    return await _frame(delivery, remote=False, plain=True)


@mailbox.get("/m/<delivery>/print")
@signed_in
async def print_page(delivery: str) -> Response:
    """Show head, list of files and text, ready for paper. It is no showing: the message page was."""
    opened, content = await open_message(delivery)
    if opened.message.kind is MessageKind.DRAFT:
        abort(404)
    remote = shows_remote()
    async with text_turn():
        shown = await show_body(content, opened.sheet, shows_remote=remote, links=_links(opened, plain=False))
    head = await render_template(
        "mailbox/print.html",
        sheet=opened.sheet,
        is_checked=opened.is_checked,
        expires_at=opened.delivery.expires_at,
        files=list_files(opened.sheet)[0],
        is_cut=shown.is_cut,
        is_simplified=shown.is_simplified,
        is_damaged=bool(DAMAGED & notes_of(opened.sheet)),
    )
    title = opened.sheet.subject or _("(no subject)")
    return await _document(print_document(head, shown, title=title, language=language()), remote=remote)


async def _frame(delivery: str, *, remote: bool, plain: bool) -> Response:
    opened, content = await open_message(delivery)
    links = _links(opened, plain=plain)
    async with text_turn():
        shown = await show_body(content, opened.sheet, shows_remote=remote, plain=plain, links=links)
    note = _("This text is built in a way that we cannot show. These are its words.") if shown.is_simplified else ""
    if shown.is_simplified and shown.is_cut:
        note = f"{note} {_('The text is very long. Only its beginning is shown; download it to read all.')}"
    title, theme = _("Text of the message"), reader().theme
    return await _document(
        frame_document(shown, title=title, language=language(), theme=theme, note=note), remote=remote
    )


def _links(opened: Opened, *, plain: bool) -> Links:
    first = url_for("mailbox.leave_text" if plain else "mailbox.leave", delivery=opened.delivery.id.hex, number=0)
    return Links(lambda number: f"{first[:-1]}{number}")


async def _document(document: str, *, remote: bool) -> Response:
    response = await make_response(document)
    assert isinstance(response, Response)
    response.headers.update(frame_headers(shows_remote=remote))
    return response
