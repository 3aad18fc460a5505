"""The outside mailboxes: what arrived, shown as a stranger's mail program shows it, and mail written from there."""

import re
import secrets
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from quart import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue

from emulator.cast import OUTSIDE
from emulator.exchange.headers import split_mail
from emulator.exchange.outside import OutsideMail, OutsideMailbox
from emulator.outlook.compose import Draft, as_paragraphs, write_mail
from emulator.outlook.forms import Form, FormWrong, read_body, read_form
from emulator.outlook.words import guard, send_leaf
from emulator.reading import HTML_POLICY, frame_page, read_mail
from emulator.tenant import Tenant

NAMES = {address: name for name, address in OUTSIDE}
VIEWS = ("html", "text", "source")
ROWS_SHOWN = 200
SOURCE_SHOWN = 200_000
"""Characters of source on the page; the .eml has all."""


class InternetPages:
    """The routes under `/internet`; a mail's number is its place in the order of arrival, from 0."""

    def __init__(self, tenant: Tenant) -> None:
        self.exchange = tenant.exchange

    def box(self, address: str) -> OutsideMailbox:
        return self.exchange.outside.get(address.lower()) or abort(404)

    def mail(self, address: str, number: int) -> OutsideMail:
        mails = self.box(address).mails
        return mails[number] if number < len(mails) else abort(404)

    def _frame(self, box: OutsideMailbox | None) -> dict[str, Any]:
        boxes = sorted(self.exchange.outside.values(), key=lambda one: one.address)
        rows = [(number, mail, split_mail(mail.mime)[0]) for number, mail in enumerate(box.mails if box else ())]
        return {
            "world": "outside",
            "boxes": boxes,
            "outside": box,
            "rows": rows[: -ROWS_SHOWN - 1 : -1],
            "chosen": -1,
            "shown": None,
            "names": NAMES,
        }

    async def choose(self) -> ResponseReturnValue:
        wanted = request.args.get("mailbox", "").strip()
        if wanted and not self.exchange.is_inside(wanted) and "@" in wanted:
            address = self.exchange.outside_mailbox(wanted).address
            return redirect(url_for("internet.list_mails", address=address))
        return await render_template("internet/choose.html", **self._frame(None))

    async def list_mails(self, address: str) -> ResponseReturnValue:
        template = "internet/rows.html" if "rows" in request.args else "internet/list.html"
        return await render_template(template, **self._frame(self.box(address)))

    async def read(self, address: str, number: int) -> ResponseReturnValue:
        mail = self.mail(address, number)
        shown = read_mail(mail.mime)
        view = request.args.get("view", "html" if shown.html else "text")
        if view not in VIEWS:
            abort(404)
        frame = self._frame(self.box(address)) | {"chosen": number, "shown": shown, "mail": mail, "view": view}
        source = mail.mime[:SOURCE_SHOWN].decode("utf-8", "replace") if view == "source" else ""
        return await render_template("internet/list.html", **frame, number=number, source=source)

    async def html(self, address: str, number: int) -> ResponseReturnValue:
        page = frame_page(read_mail(self.mail(address, number).mime))
        return Response(page, mimetype="text/html", headers={"Content-Security-Policy": HTML_POLICY})

    async def file(self, address: str, number: int, place: int) -> ResponseReturnValue:
        return send_leaf(read_mail(self.mail(address, number).mime), place)

    async def compose(self, address: str) -> ResponseReturnValue:
        given = {"to": "", "subject": "", "body": "", "in_reply_to": "", "references": ""}
        if "reply" in request.args:
            shown = read_mail(self.mail(address, request.args.get("reply", 0, type=int)).mime)
            answered = shown.reply_to or (shown.from_,)
            given = {
                "to": "; ".join(one.address for one in answered),
                "subject": shown.subject if shown.subject.lower().startswith("re:") else f"Re: {shown.subject}",
                "body": "\n\n" + "\n".join(f"> {line}" for line in shown.best_text.splitlines()),
                "in_reply_to": shown.message_id,
                "references": shown.references,
            }
        known = [(one.name, one.address) for one in self.exchange.mailboxes.values()]
        return await render_template(
            "internet/compose.html", **self._frame(self.box(address)), given=given, known=known
        )

    async def send(self, address: str) -> ResponseReturnValue:
        box = self.box(address)
        try:
            form = await read_form(request)
            people = form.people("to")
            if not people:
                raise FormWrong("Add at least one recipient.")
            mime = _written(form, box.address, people, self.exchange.clock())
        except FormWrong as exc:
            return Response(str(exc), HTTPStatus.BAD_REQUEST, mimetype="text/plain")
        await self.exchange.receive_from_outside(box.address, [one for _, one in people], mime)
        return redirect(url_for("internet.list_mails", address=box.address, sent=1), 303)

    # ---- for tests

    async def api_list(self, address: str) -> ResponseReturnValue:
        box = self.exchange.outside.get(address.lower())
        return jsonify([_row(number, mail) for number, mail in enumerate(box.mails if box else ())])

    async def api_source(self, address: str, number: int) -> ResponseReturnValue:
        return Response(self.mail(address, number).mime, mimetype="message/rfc822")

    async def api_send(self, address: str) -> ResponseReturnValue:
        named = request.args.get("recipients", "")
        recipients = [one.strip() for one in named.split(",") if one.strip()]
        await self.exchange.receive_from_outside(address, recipients, await read_body(request))
        return jsonify({"recipients": recipients}), HTTPStatus.ACCEPTED


def blueprint(tenant: Tenant) -> Blueprint:
    """Make the routes under `/internet`; its pages stand on the Outlook page's frame and style."""
    made = Blueprint("internet", __name__, template_folder="templates")
    pages = InternetPages(tenant)
    routes: list[tuple[str, Any, list[str]]] = [
        ("/internet", pages.choose, ["GET"]),
        ("/internet/<address>", pages.list_mails, ["GET"]),
        ("/internet/<address>/new", pages.compose, ["GET"]),
        ("/internet/<address>/send", pages.send, ["POST"]),
        ("/internet/<address>/<int:number>", pages.read, ["GET"]),
        ("/internet/<address>/<int:number>/html", pages.html, ["GET"]),
        ("/internet/<address>/<int:number>/file/<int:place>", pages.file, ["GET"]),
        ("/internet/api/<address>", pages.api_list, ["GET"]),
        ("/internet/api/<address>/<int:number>.eml", pages.api_source, ["GET"]),
        ("/internet/api/<address>/send", pages.api_send, ["POST"]),
    ]
    for rule, view, methods in routes:
        made.add_url_rule(rule, view.__name__, view, methods=methods)
    made.after_request(guard)
    return made


def _row(number: int, mail: OutsideMail) -> dict[str, Any]:
    shown = read_mail(mail.mime)
    return {
        "id": number,
        "subject": shown.subject,
        "from": shown.from_.address,
        "from_name": shown.from_.name,
        "envelope_from": mail.envelope_from,
        "to": [one.address for one in shown.to],
        "received": mail.received.isoformat(),
        "text": shown.text,
        "html": shown.html,
        "attachments": [leaf.name for leaf in shown.files],
    }


def _written(form: Form, address: str, people: list[tuple[str, str]], now: datetime) -> bytes:
    """Write a stranger's mail; forged header lines stand on top, in place of ours of the same name."""
    name = form.get("name").strip()
    draft = Draft(
        sender=(name, address),
        to=people,
        subject=form.get("subject"),
        html=as_paragraphs(form.get("body")),
        files=form.files,
        in_reply_to=form.get("in_reply_to"),
        references=form.get("references"),
    )
    header, rest = split_mail(write_mail(draft, now))
    header = header.replace("Message-ID", f"<{secrets.token_hex(12)}@{address.rpartition('@')[2]}>")
    header = header.replace("Date", format_datetime(now)).without(["x-ms-has-attach", "thread-index", "thread-topic"])
    forged = []
    for line in form.get("headers").splitlines():
        found = re.fullmatch(r"([!-9;-~]+):[ \t]*(.*)", line.strip())
        if line.strip() and not found:
            raise FormWrong("A header line is written Name: value.")
        if found:
            forged.append((found[1], found[2]))
    return header.without([key for key, _ in forged]).on_top(*forged).as_bytes() + rest
