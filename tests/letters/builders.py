"""Rows that letters tell of, sealed as intake and portal seal them; valid by default."""

import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from service.blobs import Blobs
from service.core.sheet import Part, Person, Role, Sheet
from service.core.states import LANE_OF, AccountState, Bcc, Envelope, Folder, Letter, MessageKind
from service.db.tables import Account, Blob, Delivery, Message, Outbox, Recipient
from service.letters.branding import Branding
from service.letters.queue import seal_payload
from service.letters.written import reply_payload
from service.recipients import new_recipient
from service.vault.box import seal_box
from service.vault.people import seal_keys_to_recipient
from service.vault.ring import KeyRing
from service.vault.stream import context, new_data_key, seal
from service.vault.tokens import hash_token

SENT = datetime(2026, 9, 22, 12, 22, 37, tzinfo=UTC)
EXPIRES = SENT + timedelta(days=30)
TOKEN = "c2FmZW1haWwtZXhhbXBsZS1saW5rLW5vdC1yZWFsLTA"
MARIA = Person("Maria Delgado", "maria.delgado@ct.gov")
ROSA = Person("Rosa Jimenez", "rosa.jimenez@example.com")
SUBJECT = "[secure] Your benefits review: two papers we still need"
BRAND = Branding(
    service_name="Safemail",
    state_name="State of Connecticut",
    help_desk="Best.Helpdesk@ct.gov",
    public_url="https://safemail.ct.gov",
    public_place="safemail.ct.gov",
    public_host="safemail.ct.gov",
    zone=ZoneInfo("America/New_York"),
)
WRITER = uuid.UUID(int=8)
"""Who wrote a reply."""
FILES = (("Proof of income form.pdf", 421_376), ("Household list August.xlsx", 905_216))


def a_part(number: int, name: str, size: int, *, role: Role = Role.ATTACHMENT, **changes: Any) -> Part:
    values = {
        "number": number,
        "parent": None,
        "role": role,
        "type": "application/pdf",
        "name": name,
        "blob": "source",
        "offset": 0,
        "length": size,
        "encoding": "identity",
        "size": size,
        "sha256": "",
        **changes,
    }
    return Part(**values)


def a_sheet(**changes: Any) -> Sheet:
    values = {
        "subject": SUBJECT,
        "sender": MARIA,
        "sent_at": SENT,
        "to": (ROSA,),
        "cc": (Person("", "l.baptiste@example.org"), Person("Anna Kowalski", "anna.kowalski@ct.gov")),
        "parts": tuple(a_part(number, name, size) for number, (name, size) in enumerate(FILES)),
        **changes,
    }
    return Sheet(**values)


@dataclass
class Post:
    """What the tests of letters put into the database; `sync` holds the rings that seal."""

    session: AsyncSession
    rings: dict[str, KeyRing]
    blobs: Blobs
    rows: list[Outbox] = field(default_factory=list)

    @property
    def sync(self) -> KeyRing:
        return self.rings["sync"]

    async def a_recipient(self, address: str = ROSA.address, *, account: str = "", **changes: Any) -> Recipient:
        """Add a recipient, with an account in the named language where there is one."""
        recipient = new_recipient(self.sync, address, SENT)
        self.session.add(recipient)
        await self.session.flush()
        if account:
            values = {
                "id": recipient.id,
                "state": AccountState.ACTIVE,
                "password": "",
                "password_at": SENT,
                "name": b"",
                "language": account,
                "created_at": SENT,
                **changes,
            }
            self.session.add(Account(**values))
            await self.session.flush()
        return recipient

    async def a_message(
        self, sheet: Sheet | None = None, *, blind: Iterable[str] = (), bcc: Bcc = Bcc.KNOWN, **changes: Any
    ) -> Message:
        """Add a message as intake seals it."""
        sheet, row_id, key = sheet or a_sheet(), uuid.uuid4(), new_data_key()
        sealed = seal(key, context(row_id.hex, "sheet"), sheet.to_bytes())
        place, sender = (
            f"messages/{row_id.hex}",
            json.dumps({"name": sheet.sender.name, "address": sheet.sender.address}),
        )
        blind = list(blind)
        values = {
            "id": row_id,
            "kind": MessageKind.RECEIVED,
            "reference": "7K4M2QX9",
            "received_at": SENT,
            "expires_at": EXPIRES,
            "size": 0,
            "sheet": sealed,
            "sheet_signature": self.sync.sign(b"sheet\0" + row_id.bytes + hashlib.sha256(sealed).digest()),
            "excerpt": b"",
            "keys_mailer": seal_box(self.sync, "mailer", f"{place}/keys", key),
            "sender_box": seal_box(self.sync, "mailer", f"{place}/sender", sender.encode()),
            "bcc_box": seal_box(self.sync, "mailer", f"{place}/bcc", json.dumps(blind).encode()) if blind else None,
            "bcc": bcc,
            **changes,
        }
        message = Message(**values)
        self.session.add(message)
        await self.session.flush()
        return message

    async def a_delivery(self, message: Message, recipient: Recipient, **changes: Any) -> Delivery:
        keys = seal_keys_to_recipient(recipient.public_key, message.id.hex, new_data_key(), new_data_key())
        values = {
            "message_id": message.id,
            "recipient_id": recipient.id,
            "envelope": Envelope.TO,
            "keys": keys,
            "token_hash": hash_token(TOKEN),
            "folder": Folder.INBOX,
            "received_at": message.received_at,
            "expires_at": message.expires_at,
            **changes,
        }
        delivery = Delivery(**values)
        self.session.add(delivery)
        await self.session.flush()
        return delivery

    async def a_reply(
        self,
        sheet: Sheet,
        body: str,
        files: Iterable[bytes] = (),
        *,
        type_: str = "text/plain",
        reference: str = "REP1REP1",
    ) -> Message:
        """Add a reply as the portal seals it, its body and files in the blob store."""
        row_id, content, key = uuid.uuid4(), new_data_key(), new_data_key()
        ring = self.rings["portal"]
        sealed = {"body": body.encode()} | {f"file-{number}": data for number, data in enumerate(files, 1)}
        role = Role.BODY_TEXT if type_ == "text/plain" else Role.BODY_HTML
        parts = [a_part(0, "", len(sealed["body"]), role=role, type=type_, blob="body", charset="utf-8")]
        parts += [
            a_part(number, f"{name}.pdf", len(data), blob=name)
            for number, (name, data) in enumerate(sealed.items())
            if name != "body"
        ]
        sheet = Sheet(**{**{name: getattr(sheet, name) for name in sheet.__slots__}, "parts": tuple(parts)})
        message = Message(
            id=row_id,
            kind=MessageKind.REPLY,
            reference=reference,
            received_at=SENT,
            expires_at=EXPIRES,
            size=0,
            sheet=seal(key, context(row_id.hex, "sheet"), sheet.to_bytes()),
            excerpt=b"",
            keys_mailer=seal_box(ring, "mailer", f"messages/{row_id.hex}/keys", content + key),
        )
        self.session.add(message)
        await self.session.flush()
        for name, clear in sealed.items():
            where = Blobs.new_key()
            await self.blobs.put(where, _pieces(seal(content, context(row_id.hex, name), clear)))
            self.session.add(Blob(message_id=row_id, name=name, key=where, sealed_bytes=len(clear), created_at=SENT))
        await self.session.flush()
        return message

    def a_reply_row(self, message: Message) -> Outbox:
        """Make a reply's row, as the portal queues it."""
        payload = reply_payload(self.rings["portal"], message, WRITER)
        return self.a_row(Letter.REPLY, payload, message_id=message.id, recipient_id=WRITER)

    def a_row(self, letter: Letter, payload: dict[str, Any] | None = None, **ids: Any) -> Outbox:
        """Make the outbox row, as `queue_letter` writes it and a worker takes it on."""
        row_id = uuid.UUID(int=7)
        return Outbox(
            id=row_id,
            lane=LANE_OF[letter],
            letter=letter,
            once="x",
            payload=seal_payload(self.sync, row_id, letter, payload) if payload else None,
            mailer="safemail@ct.gov",
            due_at=SENT,
            created_at=SENT,
            **ids,
        )


async def _pieces(sealed: bytes) -> AsyncIterator[bytes]:
    yield sealed
