"""My data: everything to take along, what is on record about its owner, and the end of the account."""

import csv
import io
from collections.abc import AsyncIterator

from quart import Response, g, make_response, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.changing import get_account
from service.accounts.closing import Farewell, close_account
from service.accounts.factors.proving import Proof, Proving, prove_with_password
from service.accounts.record import Event, list_events, read_facts
from service.core.references import shown
from service.core.sheet import Person
from service.core.states import Folder
from service.mailbox.export import Exporting, Note
from service.mailbox.own_folders import list_own
from service.mailbox.zipped import Zipped
from service.mime.mbox import MboxMail, from_line
from service.mime.names import content_disposition, safe_name, unique_names
from service.portal.cookies import drop_cookie
from service.portal.doors.sign_in import browser
from service.portal.language import gettext as _
from service.portal.mailbox.turns import export_turn
from service.portal.preferences.blueprint import preferences, reader, show
from service.portal.session import csrf_ok, keeps_what_was_typed, signed_in
from service.portal.state import portal

DOWNLOAD_POLICY = "sandbox; default-src 'none'"


@preferences.get("/data")
@signed_in
async def data() -> ResponseReturnValue:
    async with portal().db.reading() as session:
        facts = await read_facts(session, await get_account(session, reader().account_id))
    return await show("data", facts=facts)


@preferences.get("/data/mail.zip")
@signed_in
async def mail_zip() -> Response:
    exporting, folders, turn = _exporting(), await _folder_names(), export_turn()

    async def archive() -> AsyncIterator[bytes]:
        zipped = Zipped()
        async with turn:
            async for mail in exporting.mails():
                folder = folders.get(mail.own_folder_id) or folders[mail.folder]
                async for piece in zipped.add(f"{folder}/{mail.name}", mail.at, mail.open()):
                    yield piece
            yield zipped.close()

    return await _download(archive(), f"{_stem()}.zip", "application/zip")


@preferences.get("/data/mail.mbox")
@signed_in
async def mail_mbox() -> Response:
    exporting, turn = _exporting(), export_turn()

    async def mbox() -> AsyncIterator[bytes]:
        async with turn:
            async for mail in exporting.mails():
                yield from_line(mail.sender, mail.at)
                quoted = MboxMail()
                async for piece in mail.open():
                    yield quoted.feed(piece)
                yield quoted.close()

    return await _download(mbox(), f"{_stem()}.mbox", "application/mbox")


@preferences.get("/data/record.csv")
@signed_in
async def record_csv() -> Response:
    """Give out the record as a table that spreadsheets open: nothing in it was written by a stranger."""
    async with portal().db.reading() as session:
        events = await list_events(session, reader().account_id)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow([_("Time"), _("What"), _("Reference")])
    for event in events:
        at = event.at.astimezone(reader().zone).isoformat(sep=" ", timespec="seconds")
        table.writerow([at, _words(event), shown(event.reference) if event.reference else ""])

    async def once() -> AsyncIterator[bytes]:
        yield text.getvalue().encode("utf-8-sig")

    return await _download(once(), f"{_stem()}.csv", "text/csv; charset=utf-8")


@preferences.get("/data/close")
@signed_in
async def close() -> ResponseReturnValue:
    return await show("data", template="close")


@preferences.post("/data/close")
@keeps_what_was_typed
@signed_in
async def close_post() -> ResponseReturnValue:
    """Ask who it is once more, then end the account; its owner sees that it is gone, and is told by mail."""
    form, on, who = await request.form, portal(), reader()
    if not csrf_ok(form):
        return await show("data", template="close", stale=True)
    if who.is_guest and not who.has_fresh_proof:
        return await show("data", template="close")  # which says how to prove it
    proof = Proof.RIGHT if who.is_guest else await _prove(form.get("password", ""))
    if proof is Proof.ENDED:
        on.keys.drop(who.session_id)
        return redirect("/sign-in?out=code", 303)
    if proof is Proof.WRONG:
        return await show("data", template="close", errors={"password": _("That is not your password.")})
    letter = Farewell(who.address, who.language, browser())
    async with on.db.writing() as session:
        await close_account(session, on.ring, who.account_id, g.now, actor="portal", letter=letter)
    on.keys.drop(who.session_id)
    drop_cookie(on.cookies.session)
    drop_cookie(on.cookies.device)
    return redirect("/preferences/closed", 303)


async def _prove(typed: str) -> Proof:
    on, who = portal(), reader()
    proving = Proving(who.account_id, who.session_id, typed, browser(), on.rules)
    return await prove_with_password(on.db, on.ring, on.hashing, proving, g.now)


@preferences.get("/closed")
async def closed() -> ResponseReturnValue:
    """Say that it is gone; whoever comes here by another way learns nothing of anybody."""
    if g.reader is not None:
        return redirect("/preferences", 303)
    return await render_template("preferences/closed.html")


def _exporting() -> Exporting:
    on, who = portal(), reader()
    note = Note(
        Person(on.settings.service_name, on.settings.help_desk),
        _("This message could not be opened"),
        lambda reference: (
            _("Write to the help desk, and name the message by its reference: %(reference)s.")
            % {"reference": reference}
        ),
    )
    host = on.brand.public_host
    return Exporting(on.db, on.blobs, on.ring, who.key, who.recipient_id, host, who.zone, on.clock, note)


async def _folder_names() -> dict[object, str]:
    """Return the directory of each folder, by its kind or its id: safe to unpack, and no two alike."""
    async with portal().db.reading() as session:
        own = await list_own(session, reader().key, reader().recipient_id, {})
    fixed = {
        Folder.INBOX: _("Inbox"),
        Folder.SENT: _("Sent"),
        Folder.DRAFTS: _("Drafts"),
        Folder.DELETED: _("Deleted"),
    }
    safe = [safe_name(one.name.replace("/", "_").replace("\\", "_"), "", 1) for one in own]
    names = unique_names([*fixed.values(), *safe])
    return dict(zip([*fixed, *(one.id for one in own)], names, strict=True))


def _stem() -> str:
    return f"{portal().settings.service_name} {g.now.astimezone(reader().zone):%Y-%m-%d}"


async def _download(pieces: AsyncIterator[bytes], name: str, type_: str) -> Response:
    """Answer with a file whose length nobody knows yet; what breaks on the way breaks the connection."""
    first = await anext(pieces, b"")

    async def all_pieces() -> AsyncIterator[bytes]:
        if first:
            yield first
        async for piece in pieces:
            if piece:
                yield piece

    response = await make_response(all_pieces())
    assert isinstance(response, Response)
    response.timeout = None  # a slow line is no fault
    response.headers.update(
        {
            "Content-Type": type_,
            "Content-Disposition": content_disposition(name),
            "Content-Security-Policy": DOWNLOAD_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
    )
    return response


def _words(event: Event) -> str:
    return {
        "account.create": _("Account created"),
        "account.password": _("Password changed"),
        "account.reset": _("Password changed by a mailed link"),
        "account.lock": _("Account locked"),
        "account.unlock": _("Account unlocked"),
        "account.warned": _("Warned that the account will be switched off"),
        "account.disabled": _("Account switched off"),
        "browser": _("First sign-in with a browser"),
        "received": _("Message received"),
        "read": _("Message read for the first time"),
        "answered": _("Message answered"),
        "sent": _("Message sent"),
        "draft": _("Draft saved"),
    }[event.what]
