"""The Outlook page: lists, reading pane, compose window, the add-in's files, and a small JSON interface for tests."""

import mimetypes
from http import HTTPStatus
from pathlib import Path
from typing import Any

from quart import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from quart.blueprints import BlueprintSetupState
from quart.typing import ResponseReturnValue

from emulator.exchange.headers import Address
from emulator.exchange.mailbox import Item, Mailbox
from emulator.outlook.compose import Draft, as_paragraphs, write_mail
from emulator.outlook.forms import FormWrong, read_body, read_form
from emulator.outlook.words import add_filters, guard, person, send_leaf
from emulator.reading import HTML_POLICY, Shown, frame_page, plain_text, read_mail
from emulator.tenant import Tenant

ADDIN = Path(__file__).parents[2] / "addin" / "web"
STATIC = Path(__file__).parent / "static"
OFFICE_JS = "https://appsforoffice.microsoft.com/lib/1/hosted/office.js"
ROWS_SHOWN = 200
"""A page fetches its rows every two seconds; what is older is asked for by the interface for tests."""
FOLDERS = {
    "inbox": "Inbox",
    "sentitems": "Sent Items",
    "drafts": "Drafts",
    "deleteditems": "Deleted Items",
    "junkemail": "Junk Email",
}


class OutlookPages:
    """The routes; each finds the mailbox anew, since mailboxes come and go."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.exchange = tenant.exchange

    # ---- finding

    def mailbox(self, address: str) -> Mailbox:
        return self.exchange.mailboxes.get(address.lower()) or abort(404)

    def item(self, address: str, item_id: str) -> Item:
        return self.mailbox(address).item(item_id) or abort(404)

    def _frame(self, mailbox: Mailbox | None, folder: str = "inbox") -> dict[str, Any]:
        """What every page shows: whose mailboxes there are, and this one's folders."""
        everybody = sorted(self.exchange.mailboxes.values(), key=lambda one: (one.in_app_scope, one.name))
        shown = [
            {"key": key, "name": name, "unread": sum(not item.is_read for item in mailbox.folder(key).items)}
            for key, name in FOLDERS.items()
            if mailbox and (key != "junkemail" or mailbox.folder(key).items)
        ]
        return {
            "world": "staff",
            "staff": [one for one in everybody if not one.in_app_scope],
            "service": [one for one in everybody if one.in_app_scope],
            "box": mailbox,
            "folder": folder,
            "folder_name": FOLDERS.get(folder, ""),
            "folders": shown,
            "total": len(mailbox.folder(folder).items) if mailbox and folder else 0,
        }

    # ---- pages

    async def choose(self) -> ResponseReturnValue:
        wanted = request.args.get("mailbox", "")
        if wanted:
            return redirect(url_for("outlook.list_mails", address=self.mailbox(wanted).address, folder="inbox"))
        return await render_template("outlook/choose.html", **self._frame(None))

    async def list_mails(self, address: str, folder: str) -> ResponseReturnValue:
        mailbox = self._in_folder(address, folder)
        template = "outlook/rows.html" if "rows" in request.args else "outlook/list.html"
        return await render_template(
            template, **self._frame(mailbox, folder), rows=_newest_first(mailbox, folder), chosen="", shown=None
        )

    async def read(self, address: str, folder: str, item_id: str) -> ResponseReturnValue:
        mailbox = self._in_folder(address, folder)
        item = self.item(address, item_id)
        if not item.is_read:
            item.is_read = True
            mailbox.touch(item, self.exchange.clock())
        return await render_template(
            "outlook/list.html",
            **self._frame(mailbox, folder),
            rows=_newest_first(mailbox, folder),
            chosen=item.immutable_id,
            item=item,
            shown=read_mail(item.mime),
        )

    async def html(self, address: str, folder: str, item_id: str) -> ResponseReturnValue:
        del folder
        page = frame_page(read_mail(self.item(address, item_id).mime))
        return Response(page, mimetype="text/html", headers={"Content-Security-Policy": HTML_POLICY})

    async def file(self, address: str, folder: str, item_id: str, number: int) -> ResponseReturnValue:
        del folder
        return send_leaf(read_mail(self.item(address, item_id).mime), number)

    async def delete(self, address: str, folder: str, item_id: str) -> ResponseReturnValue:
        mailbox = self.mailbox(address)
        item = self.item(address, item_id)
        if folder == "deleteditems":
            mailbox.remove(item)
        else:
            mailbox.move(item, mailbox.folder("deleteditems"))
        return redirect(url_for("outlook.list_mails", address=address, folder=folder), 303)

    async def compose(self, address: str) -> ResponseReturnValue:
        mailbox = self.mailbox(address)
        given = {"to": "", "cc": "", "subject": "", "body": "", "in_reply_to": "", "references": ""}
        if answered := request.args.get("reply"):
            item = self.item(address, answered)
            given |= _answer(mailbox, read_mail(item.mime), everyone="all" in request.args)
        known = [(one.name, one.address) for one in self.exchange.mailboxes.values() if not one.in_app_scope]
        known += [("", one) for one in self.exchange.outside]
        return await render_template("outlook/compose.html", **self._frame(mailbox, ""), given=given, known=known)

    async def send(self, address: str) -> ResponseReturnValue:
        mailbox = self.mailbox(address)
        try:
            form = await read_form(request)
            typed = form.get("body")
            draft = Draft(
                sender=(mailbox.name, mailbox.address),
                to=form.people("to"),
                cc=form.people("cc"),
                bcc=form.people("bcc"),
                subject=form.get("subject"),
                html=typed if form.get("kind") == "html" else as_paragraphs(typed),
                files=form.files,
                in_reply_to=form.get("in_reply_to"),
                references=form.get("references"),
            )
            if not (draft.to or draft.cc or draft.bcc):
                raise FormWrong("Add at least one recipient.")
        except FormWrong as exc:
            return Response(str(exc), HTTPStatus.BAD_REQUEST, mimetype="text/plain")
        mime = write_mail(draft, self.exchange.clock())
        await self.exchange.submit(mailbox.address, mime, [one for _, one in (*draft.to, *draft.cc, *draft.bcc)])
        return redirect(url_for("outlook.list_mails", address=address, folder="sentitems", sent=1), 303)

    # ---- the add-in's own files

    async def addin(self, name: str = "commands.html") -> ResponseReturnValue:
        content = _read_file(ADDIN, name)
        if name.endswith(".html"):  # the only thing that is not as in production: who answers for Office
            host = url_for("outlook.static", filename="office-host.js")
            content = content.replace(OFFICE_JS.encode(), host.encode())
        return Response(content, mimetype=_kind_of(name))

    async def static(self, filename: str) -> ResponseReturnValue:
        """Answer from memory: a file streamed to a page that was left stays open."""
        return Response(_read_file(STATIC, filename), mimetype=_kind_of(filename))

    # ---- for tests

    async def api_list(self, address: str, folder: str) -> ResponseReturnValue:
        mailbox = self._in_folder(address, folder)
        return jsonify([_row(item) for item in mailbox.folder(folder).items])

    async def api_source(self, address: str, folder: str, item_id: str) -> ResponseReturnValue:
        del folder
        return Response(self.item(address, item_id).mime, mimetype="message/rfc822")

    async def api_send(self, address: str) -> ResponseReturnValue:
        mailbox = self.mailbox(address)
        named = request.args.get("recipients")
        recipients = [one.strip() for one in named.split(",") if one.strip()] if named else None
        item = await self.exchange.submit(mailbox.address, await read_body(request), recipients)
        return jsonify({"id": item.immutable_id}), HTTPStatus.ACCEPTED

    def _in_folder(self, address: str, folder: str) -> Mailbox:
        mailbox = self.mailbox(address)
        try:
            mailbox.folder(folder)
        except KeyError:
            abort(404)
        return mailbox


def blueprint(tenant: Tenant) -> Blueprint:
    """Make the routes under `/outlook` and `/addin`."""
    made = Blueprint("outlook", __name__, template_folder="templates")
    pages = OutlookPages(tenant)
    made.record_once(_take_large_mail)
    routes: list[tuple[str, Any, list[str]]] = [
        ("/outlook", pages.choose, ["GET"]),
        ("/outlook/<address>/new", pages.compose, ["GET"]),
        ("/outlook/<address>/send", pages.send, ["POST"]),
        ("/outlook/<address>/<folder>", pages.list_mails, ["GET"]),
        ("/outlook/<address>/<folder>/<item_id>", pages.read, ["GET"]),
        ("/outlook/<address>/<folder>/<item_id>/html", pages.html, ["GET"]),
        ("/outlook/<address>/<folder>/<item_id>/file/<int:number>", pages.file, ["GET"]),
        ("/outlook/<address>/<folder>/<item_id>/delete", pages.delete, ["POST"]),
        ("/outlook/static/<path:filename>", pages.static, ["GET"]),
        ("/addin/", pages.addin, ["GET"]),
        ("/addin/<path:name>", pages.addin, ["GET"]),
        ("/outlook/api/<address>/send", pages.api_send, ["POST"]),
        ("/outlook/api/<address>/<folder>", pages.api_list, ["GET"]),
        ("/outlook/api/<address>/<folder>/<item_id>.eml", pages.api_source, ["GET"]),
    ]
    for rule, view, methods in routes:
        made.add_url_rule(rule, view.__name__, view, methods=methods)
    made.after_request(guard)
    add_filters(made)
    return made


def _read_file(folder: Path, name: str) -> bytes:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        abort(404)
    return path.read_bytes()


def _kind_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _take_large_mail(state: BlueprintSetupState) -> None:
    state.app.config["MAX_CONTENT_LENGTH"] = None  # Exchange's own limits speak, not Quart's 16 MB


def _newest_first(mailbox: Mailbox, folder: str) -> list[Item]:
    newest = sorted(mailbox.folder(folder).items, key=lambda item: (item.received, item.number), reverse=True)
    return newest[:ROWS_SHOWN]


def _row(item: Item) -> dict[str, Any]:
    shown = read_mail(item.mime)
    return {
        "id": item.immutable_id,
        "subject": item.subject,
        "from": item.from_.address if item.from_ else "",
        "to": [one.address for one in item.to],
        "received": item.received.isoformat(),
        "has_attachments": item.has_attachments,
        "attachments": [leaf.name for leaf in shown.files],
        "text": shown.best_text,
    }


def _answer(mailbox: Mailbox, shown: Shown, *, everyone: bool) -> dict[str, str]:
    """Fill the compose window for an answer; the old mail is quoted as text."""
    to = list(shown.reply_to or (shown.from_,))
    own = {mailbox.address.lower(), *(one.key for one in to)}
    cc = [one for one in (*shown.to, *shown.cc) if one.key not in own] if everyone else []
    subject = shown.subject if shown.subject.lower().startswith("re:") else f"RE: {shown.subject}"
    head = [
        f"From: {person(shown.from_)} <{shown.from_.address}>",
        f"Sent: {shown.sent.astimezone():%A, %B %d, %Y %I:%M %p}" if shown.sent else "Sent:",
        "To: " + "; ".join(person(one) for one in shown.to),
        f"Subject: {shown.subject}",
    ]
    text = shown.text or plain_text(shown.html)
    return {
        "to": _written(to),
        "cc": _written(cc),
        "subject": subject,
        "body": "\n\n\n" + "_" * 32 + "\n" + "\n".join([*head, "", text]),
        "in_reply_to": shown.message_id,
        "references": shown.references,
    }


def _written(people: list[Address]) -> str:
    return "; ".join(f'"{one.name}" <{one.address}>' if one.name else one.address for one in people)
