"""Many messages quickly: one mail, sealed anew for each row; or rows that only fill the tables."""

import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from service.blobs import Blobs
from service.core.references import new_reference
from service.core.sheet import Sheet
from service.core.states import Bcc, Envelope, Folder, MessageKind
from service.db.engine import Database
from service.db.tables import Blob, Delivery, Message, Recipient
from service.mime.index import Mail, MailIndexer
from service.vault.people import seal_keys_to_recipient
from service.vault.ring import KeyRing
from service.vault.stream import context, new_data_key, seal
from tests.mailbox.builders import ALICE

AT_ONCE = 1000
TEXT = b"Good morning.\r\n" + b"Please send the form and the papers for your benefits review. " * 20


def a_source(subject: str, text: bytes = TEXT) -> bytes:
    return (
        b"From: Alice Example <alice@ct.gov>\r\nTo: bob@example.com\r\nSubject: " + subject.encode() + b"\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 -0500\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text + b"\r\n"
    )


class ManyMails:
    """Fills one reader's mailbox."""

    def __init__(self, db: Database, ring: KeyRing, blobs: Blobs, reader: Recipient, text: bytes = TEXT) -> None:
        self._db, self._ring, self._blobs, self._reader = db, ring, blobs, reader
        self._source = a_source("[secure] Papers", text)
        indexer = MailIndexer("source", datetime.fromisoformat("2026-11-24T15:30:00+00:00"))
        indexer.feed(self._source)
        self._mail = indexer.close()

    async def add(
        self, count: int, newest: datetime, *, opens: int | None = None, stored: int | None = None
    ) -> list[uuid.UUID]:
        """Add messages a minute apart, newest first; all behind the first `opens` open no more than a stone does.

        Those behind the first `stored` have no text.
        """
        ids: list[uuid.UUID] = []
        for begin in range(0, count, AT_ONCE):
            messages: list[dict[str, Any]] = []
            deliveries: list[dict[str, Any]] = []
            blobs: list[dict[str, Any]] = []
            for number in range(begin, min(count, begin + AT_ONCE)):
                at = newest - timedelta(minutes=number)
                real = opens is None or number < opens
                message, delivery, clear = self._rows(number, at) if real else empty_rows(self._reader.id, at)
                messages.append(message)
                deliveries.append(delivery)
                if real and (stored is None or number < stored):
                    key = Blobs.new_key()
                    length = await self._blobs.put(key, _piece(clear))
                    row = {"id": uuid.uuid4(), "message_id": message["id"], "name": "source", "key": key}
                    blobs.append({**row, "sealed_bytes": length, "created_at": at})
                ids.append(delivery["id"])
            async with self._db.writing() as session:
                await session.execute(insert(Message), messages)
                await session.execute(insert(Delivery), deliveries)
                if blobs:
                    await session.execute(insert(Blob), blobs)
        return ids

    def _rows(self, number: int, at: datetime) -> tuple[dict[str, Any], dict[str, Any], bytes]:
        message, delivery, _ = empty_rows(self._reader.id, at)
        one = message["id"]
        content, sheet_key = new_data_key(), new_data_key()
        sheet = replace(_sheet(self._mail), subject=f"[secure] Papers, number {number}", sent_at=at)
        sealed = seal(sheet_key, context(one.hex, "sheet"), sheet.to_bytes())
        message |= {
            "size": self._mail.size,
            "sheet": sealed,
            "sheet_signature": self._ring.sign(b"sheet\0" + one.bytes + hashlib.sha256(sealed).digest()),
            "excerpt": seal(content, context(one.hex, "excerpt"), self._mail.text[:200].encode()),
        }
        delivery["keys"] = seal_keys_to_recipient(self._reader.public_key, one.hex, content, sheet_key)
        return message, delivery, seal(content, context(one.hex, "source"), self._source)


def _sheet(mail: Mail) -> Sheet:
    date = mail.date or datetime.min.replace(tzinfo=UTC)
    return Sheet("", ALICE, date, to=mail.to, parts=mail.parts, size=mail.size, source_length=mail.length)


def empty_rows(recipient_id: uuid.UUID, at: datetime) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Make rows of the usual length that hold nothing."""
    message_id, ends = uuid.uuid4(), at + timedelta(days=30)
    message = {
        "id": message_id,
        "kind": MessageKind.RECEIVED,
        "reference": new_reference(),
        "received_at": at,
        "expires_at": ends,
        "size": 1000,
        "files": 0,
        "sheet": os.urandom(900),
        "sheet_signature": os.urandom(71),
        "excerpt": os.urandom(270),
        "bcc": Bcc.KNOWN,
        "thread_index": os.urandom(32),
    }
    delivery = {
        "id": uuid.uuid4(),
        "message_id": message_id,
        "recipient_id": recipient_id,
        "envelope": Envelope.TO,
        "keys": os.urandom(145),
        "token_hash": os.urandom(32),
        "folder": Folder.INBOX,
        "received_at": at,
        "expires_at": ends,
    }
    return message, delivery, b""


async def _piece(sealed: bytes) -> AsyncIterator[bytes]:
    yield sealed
