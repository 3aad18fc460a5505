"""Turn an outbox row into the mail that it stands for: what it says, to whom, with which files.

Called by `sync`, which holds the mailer key. Everything is read afresh at this moment, so that the row itself holds
ids and the few fields that nothing else holds. What is revoked, past its date or gone is not written any more.
"""

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from service.blobs import Blobs
from service.core.addresses import form_of
from service.core.limits import CODE_LIFE
from service.core.sheet import Part, Person
from service.core.states import AccountLetter, Letter, MessageKind
from service.core.text import one_line
from service.db.tables import Account, Delivery, Message, Model, Outbox, Recipient, Reset
from service.errors import Broken, Refused
from service.letters import receipts
from service.letters.account import account_values, is_still_so, letter_language, living_reset
from service.letters.body import html_of_text, read_body
from service.letters.branding import Branding
from service.letters.notices import is_wanted, notice_values
from service.letters.opened import blind_copies, message_keys, message_sheet, staff_sender
from service.letters.queue import open_payload
from service.letters.reading import is_to_many, read_within
from service.letters.render import Rendered, render, render_words
from service.letters.written import check_reply
from service.mime.writer import Outgoing
from service.recipients import mailing_address
from service.vault.ring import KeyRing
from service.vault.types import DataKey

Row = TypeVar("Row", bound=Model)
BODIES_BYTES = 2_150_000
"""Of a mail's two bodies: base64 in the mail and again in the request, they fit into Graph's 4,000,000."""
AUTOMATIC = (("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All"))
"""RFC 3834 §5; and Exchange's own, so that no out-of-office answers: MS-OXCMAIL §2.1.3.2.20."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail ready to be drafted. `attachments` are streamed by who sends, opened with `content_key`."""

    outgoing: Outgoing
    attachments: tuple[Part, ...] = ()
    content_key: DataKey | None = field(default=None, repr=False)
    message_id: uuid.UUID | None = None
    """The message whose blobs the attachments stand in."""


async def compose(
    session: AsyncSession, ring: KeyRing, row: Outbox, branding: Branding, now: datetime, *, blobs: Blobs
) -> Composed:
    """Write the mail of a row whose mailer is chosen; `blobs` is read for replies only.

    Raises:
        Refused: it is not to be sent any more: revoked, past its date.
        Broken: what it needs is not there or does not open.
    """
    desk = _Desk(session, ring, row, branding, now, blobs)
    if row.letter is Letter.REPLY:
        return await desk.reply()
    if row.letter is Letter.ANSWER:
        return desk.answer()
    writers = {
        Letter.CODE: desk.code,
        Letter.ACCOUNT: desk.account,
        Letter.NOTICE: desk.notice,
        Letter.REMINDER: desk.notice,
        Letter.RECEIPT_SECURED: desk.secured,
        Letter.RECEIPT_READ: desk.read,
        Letter.RECEIPT_NOT_DELIVERED: desk.not_delivered,
        Letter.RECEIPT_EXPIRED: desk.expired,
    }
    if row.letter not in writers:
        raise Broken("there is no such letter yet")
    to, rendered = await writers[row.letter]()
    return Composed(desk.outgoing((to,), rendered, AUTOMATIC))


@dataclass(frozen=True, slots=True)
class _Desk:
    """One row and what its letter is written with."""

    session: AsyncSession
    ring: KeyRing
    row: Outbox
    brand: Branding
    now: datetime
    blobs: Blobs

    def outgoing(
        self, to: tuple[Person, ...], rendered: Rendered, headers: tuple[tuple[str, str], ...], **more: Any
    ) -> Outgoing:
        people = (*to, *more.get("cc", ()), *more.get("reply_to", ()))
        if not to or not all(form_of(person.address) for person in people):
            raise Broken("an address of this letter cannot be written")
        return Outgoing(
            from_=Person(self.brand.sender_name, self.row.mailer),
            to=to,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            message_id=f"<{self.row.id.hex}@{self.brand.public_host}>",
            date=self.now,
            headers=headers,
            **more,
        )

    async def code(self) -> tuple[Person, Rendered]:
        told = open_payload(self.ring, self.row)
        values = {"brand": self.brand, "code": told["code"], "minutes": int(CODE_LIFE.total_seconds() // 60)}
        return Person("", told["to"]), render("code", _language(told.get("language")), values)

    async def account(self) -> tuple[Person, Rendered]:
        """Write to the address that the account has, never to one that somebody typed."""
        told = open_payload(self.ring, self.row)
        if told.get("kind") == AccountLetter.CLOSED:  # nobody is there any more: the row knows whose it was
            return Person("", told["to"]), self._account_letter(told, None, None)
        account = await self._find(Account, self.row.recipient_id)
        recipient = await self._get(Recipient, self.row.recipient_id)
        if account is None or recipient.ended_at is not None:
            raise Refused("this account has nobody any more")
        if not is_still_so(told, account):
            raise Refused("what this letter warns of is over")
        reset = living_reset(told, account, await self.session.get(Reset, account.id), self.now)
        return Person("", mailing_address(self.ring, recipient)), self._account_letter(told, account, reset)

    def _account_letter(self, told: dict[str, Any], account: Account | None, reset: Reset | None) -> Rendered:
        values = account_values(self.ring, self.row, told, account, reset, self.brand)
        language = letter_language(told, account)
        values["words"] = render_words("account", language, values)
        return render("account", language, values)

    async def notice(self) -> tuple[Person, Rendered]:
        """Write a notice, or its reminder where that is still wanted."""
        is_reminder = self.row.letter is Letter.REMINDER
        delivery = await self._find(Delivery, self.row.delivery_id)
        message = await self._find(Message, self.row.message_id)
        if delivery is None or message is None:
            raise Refused("what this notice tells of is gone")
        recipient = await self._get(Recipient, delivery.recipient_id)
        account = await self.session.get(Account, recipient.id)
        if delivery.revoked_at is not None or message.expires_at <= self.now or recipient.ended_at is not None:
            raise Refused("this notice has nothing to tell any more")
        if is_reminder and not is_wanted(self.row, delivery, account):
            raise Refused("nobody needs to be reminded any more")
        language = _language(account.language if account else "en")
        token = open_payload(self.ring, self.row)["token"]
        values = notice_values(message, message_sheet(self.ring, message), account, token, self.brand, self.now)
        values["reminder"] = is_reminder
        values["words"] = render_words("notice", language, values)
        return Person("", mailing_address(self.ring, recipient)), render("notice", language, values)

    async def secured(self) -> tuple[Person, Rendered]:
        message = await self._get(Message, self.row.message_id)
        details = receipts.secured_details(
            message_sheet(self.ring, message),
            message.bcc,
            blind_copies(self.ring, message),
            message.expires_at,
            message.reference,
            self.brand,
        )
        told = open_payload(self.ring, self.row)
        inside = [one_line(address, 254) for address in told.get("inside", ())]
        values = {"details": details, "inside": inside, "late": bool(told.get("late"))}
        values["many"] = await is_to_many(self.session, message.id)
        return staff_sender(self.ring, message), self._receipt("receipt_secured", **values)

    async def read(self) -> tuple[Person, Rendered]:
        message = await self._get(Message, self.row.message_id)
        sheet, told = message_sheet(self.ring, message), open_payload(self.ring, self.row)
        readers = await self._readers(message, told)
        if not readers:
            raise Refused("whoever read it has closed their account")
        values = receipts.read_values(sheet, readers, message.reference, self.brand)
        return staff_sender(self.ring, message), self._receipt("receipt_read", **values)

    async def _readers(self, message: Message, told: dict[str, Any]) -> list[tuple[str, datetime]]:
        if "hour" in told:
            found = await read_within(self.session, message.id, datetime.fromisoformat(told["hour"]))
            return [(mailing_address(self.ring, recipient), read_at) for recipient, read_at in found]
        address = told.get("reader")  # who closed their account since has no row that knows it
        if not address:
            address = mailing_address(self.ring, await self._get(Recipient, self.row.recipient_id))
        return [(address, datetime.fromisoformat(told["read_at"]))]

    async def not_delivered(self) -> tuple[Person, Rendered]:
        told = open_payload(self.ring, self.row)
        message = await self._get(Message, self.row.message_id) if self.row.message_id else None
        values = receipts.not_delivered_values(told, message.reference if message else "", self.brand)
        return Person(told.get("sender_name") or "", told["to"]), self._receipt("receipt_not_delivered", **values)

    async def expired(self) -> tuple[Person, Rendered]:
        told = open_payload(self.ring, self.row)
        values = receipts.expired_values(told, self.brand)
        return Person(told["sender_name"], told["to"]), self._receipt("receipt_expired", **values)

    async def reply(self) -> Composed:
        message = await self._get(Message, self.row.message_id)
        keys = message_keys(self.ring, message)
        if message.kind is not MessageKind.REPLY or keys.content is None:
            raise Broken("this message is not a reply")
        check_reply(self.ring, message, self.row.recipient_id, open_payload(self.ring, self.row))
        sheet = message_sheet(self.ring, message)
        body = await read_body(self.session, self.blobs, message, sheet, keys.content)
        values = {
            "brand": self.brand,
            "subject": sheet.subject,
            "writer": one_line(sheet.sender.address, 254),
            "text": body.text,
            "html": body.html or html_of_text(body.text),
        }
        rendered = render("reply", "en", values)
        if len(rendered.text.encode()) + len(rendered.html.encode()) > BODIES_BYTES:
            rendered = replace(rendered, html="")  # every word stands in the plain text
        outgoing = self.outgoing(
            sheet.to,
            rendered,
            AUTOMATIC[1:],
            cc=sheet.cc,
            reply_to=(sheet.sender,),
            in_reply_to=sheet.references[-1] if sheet.references else "",
            references=sheet.references,
        )
        return Composed(outgoing, sheet.attachments, keys.content, message.id)

    def answer(self) -> Composed:
        """Answer a mail of somebody who thought that we read it; none of its words stand in it."""
        told = open_payload(self.ring, self.row)
        language = _language(told["language"])
        values = {"brand": self.brand, "link": self.brand.sign_in_url, "is_known": bool(told["language"])}
        values["words"] = render_words("answer", language, values)
        answered = one_line(str(told["answers"]), 900)
        headers = (("Auto-Submitted", "auto-replied"), AUTOMATIC[1])
        rendered, thread = render("answer", language, values), (answered,) if answered else ()
        return Composed(
            self.outgoing((Person("", told["to"]),), rendered, headers, in_reply_to=answered, references=thread)
        )

    def _receipt(self, letter: str, **values: Any) -> Rendered:
        return render(letter, "en", {"brand": self.brand, **values})

    async def _find(self, table: type[Row], row_id: uuid.UUID | None) -> Row | None:
        return await self.session.get(table, row_id) if row_id else None

    async def _get(self, table: type[Row], row_id: uuid.UUID | None) -> Row:
        found = await self._find(table, row_id)
        if found is None:
            raise Broken("what this letter tells of is gone")
        return found


def _language(wanted: str | None) -> str:
    return "es" if wanted == "es" else "en"
