"""Search: a form in the bar, its answer a list. What was asked stands in the address and on the page, nowhere else."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from quart import Response, abort, current_app, g, make_response, render_template, request, url_for

from service.core.folding import QUERY_CHARACTERS, cut_around, fold, lead_in, mark, split_words
from service.core.states import Folder
from service.mailbox.order import Sort, read_place
from service.mailbox.own_folders import Named
from service.mailbox.search import Budget, Hit, Search, Searched, SearchGate, Wanted
from service.portal.mailbox.blueprint import mailbox, reader, side
from service.portal.mailbox.filing import FOUND_KEPT, read_done
from service.portal.mailbox.rows import Found, Row, file_name, is_file, read_id, row_of
from service.portal.session import signed_in
from service.portal.state import portal

GATE = "safemail.search"
SNIPPET_CHARACTERS = 200
LEAD_CHARACTERS = 24
FILES_CHARACTERS = 300
SHOWN_FILES = 5


@mailbox.get("/search")
@signed_in
async def search() -> Response:
    on, who = portal(), reader()
    said = {name: request.args.get(name, "")[:QUERY_CHARACTERS] for name in FOUND_KEPT}
    after = read_place(said["after"], Sort.NEWEST) or abort(404) if said["after"] else None
    async with on.db.reading() as session:
        beside = await side(session, Folder.INBOX)
        done = await read_done(session, request.args.get("done", ""), beside["own_folders"])
    named: list[Named] = beside["own_folders"]
    wanted = _wanted(said, named)
    found, rows = Searched(), list[Row]()
    if not wanted.is_nothing:
        budget = current_app.extensions.get(f"{GATE}.budget", Budget())
        work = Search(on.db, on.blobs, on.ring, who.key, who.recipient_id, g.now, wanted, who.preferences.rows, budget)
        async with _gate().turn(who.recipient_id):
            found = await work.run(after)
            own = {one.id: one.name for one in named}
            rows = await asyncio.to_thread(lambda: [_row(hit, wanted, own) for hit in found.hits])
    kept = {name: value for name, value in said.items() if value}
    further: dict[str, Any] = {**kept, "after": str(found.last)}
    html = await render_template(
        "mailbox/search.html",
        **{**beside, "here": None},
        rows=rows,
        said=said,
        kept=kept,
        done=done,
        wanted=wanted,
        is_later=after is not None,
        reached=found.reached,
        further=url_for("mailbox.search", **further) if found.last else "",
        compact=who.preferences.compact,
    )
    response = await make_response(html)
    assert isinstance(response, Response)
    # no address of ours either tells the next page what was sought; a form's Origin still comes
    response.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "strict-origin"})
    return response


def _gate() -> SearchGate:
    gate: SearchGate = current_app.extensions.setdefault(GATE, SearchGate())
    return gate


def _wanted(said: dict[str, str], named: list[Named]) -> Wanted:
    """Read the form; a folder or a date that is none asks for nothing."""
    where: dict[str, Any] = {}
    own = read_id(said["in"])
    if own is not None:
        where = {"folder": Folder.INBOX, "own": own} if own in {one.id for one in named} else abort(404)
    elif said["in"] in set(Folder):
        where = {"folder": Folder(said["in"])}
    until = _midnight(said["until"], 1)
    return Wanted(
        split_words(said["q"]),
        split_words(said["from"]),
        has_files=said["files"] == "1",
        since=_midnight(said["since"]),
        before=until,
        **where,
    )


def _midnight(text: str, days_later: int = 0) -> datetime | None:
    """Return when a day begins where the reader lives."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days_later)
        return datetime.combine(day, time(), reader().zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _row(hit: Hit, wanted: Wanted, own: dict[Any, str]) -> Row:
    opened = hit.opened
    sheet, delivery = opened.sheet, opened.delivery
    words = wanted.words
    plain = row_of(opened, hit.excerpt)
    person = plain.people[0] if plain.people else sheet.sender
    text = cut_around(hit.text, hit.in_text, SNIPPET_CHARACTERS) or hit.excerpt
    names = [file_name(part) for part in sheet.parts if is_file(part)]
    told = [name for name in names if any(word in fold(name) for word in words)]
    who = (*words, *wanted.sender)
    found = Found(
        mark(person.name or person.address, who),
        mark(person.address, who),
        mark(sheet.subject, words),
        lead_in(mark(text, words), LEAD_CHARACTERS),
        mark(", ".join(told[:SHOWN_FILES])[:FILES_CHARACTERS], words),
        delivery.folder,
        own.get(delivery.own_folder_id, "") if delivery.folder is not Folder.DELETED else "",
    )
    return row_of(opened, hit.excerpt, found)
