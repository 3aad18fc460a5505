"""Builders: a sealed mail as intake stores it, a reader, their mailbox."""

import base64
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.blobs import Blobs
from service.core.limits import EXCERPT_CHARACTERS, RETENTION
from service.core.references import new_reference
from service.core.sheet import Person, Sheet, thread_root
from service.core.states import Envelope, Folder, MessageKind
from service.db.engine import Database
from service.db.tables import Blob, Delivery, Message, Recipient
from service.mime.headers import HeaderFilter
from service.mime.index import Mail, MailIndexer
from service.recipients import get_or_add, unlock
from service.vault.box import seal_box
from service.vault.people import RecipientKey, seal_keys_to_recipient
from service.vault.ring import KeyRing
from service.vault.stream import Sealer, context, new_data_key, seal
from service.vault.tokens import new_token

ALICE = Person("Alice Example", "alice@ct.gov")
BOB = "bob@example.com"
CAROL = "carol@example.net"
HELLO = (
    b"From: Alice Example <alice@ct.gov>\r\nTo: bob@example.com\r\nSubject: [secure] Your papers\r\n"
    b"Message-ID: <one@ct.gov>\r\nDate: Tue, 24 Nov 2026 10:00:00 -0500\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nGood morning.\r\nPlease send the form.\r\n"
)


@dataclass(frozen=True, slots=True)
class SealedMail:
    """What the builder stored."""

    mail: Mail
    source: bytes
    message_id: uuid.UUID
    deliveries: dict[str, uuid.UUID]
    """By address."""


def with_files(*files: tuple[str, str, bytes], html: str = "", text: str = "Good morning.") -> bytes:
    """Write a mail with files (name, type, content), by hand."""

    def encoded(content: bytes) -> bytes:
        return base64.encodebytes(content).replace(b"\n", b"\r\n")

    kind = "text/html" if html else "text/plain"
    parts = [
        f"Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
        + encoded((html or text).encode())
    ]
    parts += [
        f'Content-Type: {type_}; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"\r\n'
        f"Content-ID: <{name}>\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
        + encoded(content)
        for name, type_, content in files
    ]
    head = (
        b"From: Alice Example <alice@ct.gov>\r\nTo: Bob <bob@example.com>, dave@ct.gov\r\n"
        b"Cc: Pat Rivera <pat@gmail.example>\r\nSubject: [secure] With files\r\nMessage-ID: <files@ct.gov>\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 -0500\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n'
    )
    return head + b"".join(b"--=_b\r\n" + part + b"\r\n" for part in parts) + b"--=_b--\r\n"


async def a_sealed_mail(
    db: Database,
    rings: dict[str, KeyRing],
    blobs: Blobs,
    eml: bytes = HELLO,
    *,
    to: Sequence[str] = (BOB,),
    now: datetime,
    life: timedelta = RETENTION,
    sender: Person = ALICE,
) -> SealedMail:
    """Seal a mail for its recipients, as intake does."""
    ring = rings["sync"]
    message_id, content_key, sheet_key = uuid.uuid4(), new_data_key(), new_data_key()
    header, indexer = HeaderFilter(), MailIndexer("source", now)
    source = header.feed(eml) + header.close()
    indexer.feed(source)
    mail = indexer.close()
    key = Blobs.new_key()
    sealed_bytes = await blobs.put(key, _sealed(Sealer(content_key, context(message_id.hex, "source")), source))
    sheet = Sheet(
        subject=mail.subject,
        sender=sender,
        sent_at=mail.date or now,
        to=mail.to,
        cc=mail.cc,
        reply_to=mail.reply_to,
        message_id=mail.message_id,
        references=mail.references,
        parts=mail.parts,
        size=mail.size,
        source_length=mail.length,
        automatic=mail.automatic,
        notes=mail.notes,
    )
    sealed_sheet = seal(sheet_key, context(message_id.hex, "sheet"), sheet.to_bytes())
    signature = ring.sign(b"sheet\0" + message_id.bytes + hashlib.sha256(sealed_sheet).digest())
    excerpt = " ".join(mail.text.split())[:EXCERPT_CHARACTERS].encode()
    message = Message(
        id=message_id,
        kind=MessageKind.RECEIVED,
        reference=new_reference(),
        received_at=now,
        expires_at=now + life,
        size=mail.size,
        files=len(sheet.attachments),
        sheet=sealed_sheet,
        sheet_signature=signature,
        excerpt=seal(content_key, context(message_id.hex, "excerpt"), excerpt),
        keys_mailer=seal_box(ring, "mailer", f"messages/{message_id.hex}/keys", sheet_key),
        sender_box=seal_box(
            ring, "mailer", f"messages/{message_id.hex}/sender", json.dumps({"name": "", "address": ""}).encode()
        ),
    )
    if root := thread_root(mail.references, mail.message_id):
        message.thread_index = ring.digest("index", "thread", root)
    deliveries: dict[str, uuid.UUID] = {}
    async with db.writing() as session:
        session.add(message)
        await session.flush()  # blobs name it, and nothing tells the session so
        session.add(Blob(message_id=message_id, name="source", key=key, sealed_bytes=sealed_bytes, created_at=now))
        for address in to:
            recipient = await get_or_add(session, ring, address, now)
            delivery = Delivery(
                id=uuid.uuid4(),
                message_id=message_id,
                recipient_id=recipient.id,
                envelope=Envelope.TO,
                keys=seal_keys_to_recipient(recipient.public_key, message_id.hex, content_key, sheet_key),
                token_hash=new_token()[1],
                folder=Folder.INBOX,
                received_at=now,
                expires_at=now + life,
            )
            session.add(delivery)
            deliveries[address] = delivery.id
    return SealedMail(mail, source, message_id, deliveries)


async def a_recipient(db: Database, rings: dict[str, KeyRing], address: str, now: datetime) -> Recipient:
    """Find or add a recipient."""
    async with db.writing() as session:
        return await get_or_add(session, rings["sync"], address, now)


async def key_of(rings: dict[str, KeyRing], recipient: Recipient) -> RecipientKey:
    return await unlock(rings["portal"], recipient)


async def _sealed(sealer: Sealer, clear: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(clear), 65_536):
        yield sealer.update(clear[at : at + 65_536])
    yield sealer.finalize()
