"""What the portal leaves for `sync` to send."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

from graph_sync.worker import Worker
from service.core.references import new_reference
from service.core.sheet import Part, Person, Role, Sheet
from service.core.states import Envelope, Folder, HandedOver, Letter, MessageKind
from service.db.tables import Blob, Delivery, Handover, Message
from service.letters.queue import queue_letter
from service.letters.written import reply_payload
from service.recipients import address_index, get_or_add
from service.vault.box import seal_box
from service.vault.people import seal_keys_to_recipient
from service.vault.stream import Sealer, context, new_data_key, seal
from service.vault.types import DataKey
from tests.graph_sync.conftest import ALICE, BOB


async def a_reply(worker: Worker, files: list[bytes], to: tuple[str, ...] = (ALICE,)) -> uuid.UUID:
    """Write a reply as the portal leaves it."""
    ring, now, message_id = worker.ring, worker.now(), uuid.uuid4()
    content, sheet_key = new_data_key(), new_data_key()
    parts, blobs = [], [("body", b"Here are my papers.")] + [(f"file-{n}", data) for n, data in enumerate(files, 1)]
    keys = {name: worker.blobs.new_key() for name, _ in blobs}
    async with worker.db.writing() as session:
        recipient = await get_or_add(session, ring, BOB, now)
        for number, (name, data) in enumerate(blobs):
            role = Role.ATTACHMENT if number else Role.BODY_TEXT
            kind = "application/octet-stream" if number else "text/plain"
            shown = f"paper {number}.bin" if number else ""
            parts.append(
                Part(number, None, role, kind, shown, name, 0, len(data), "identity", len(data), "0" * 64, "utf-8")
            )
        sheet = Sheet(
            subject="RE: [secure] Your papers",
            sender=Person("Bob Doe", BOB),
            sent_at=now,
            to=tuple(Person("", address) for address in to),
            parts=tuple(parts),
        )
        message = Message(
            id=message_id,
            kind=MessageKind.REPLY,
            reference=new_reference(),
            received_at=now,
            expires_at=now + timedelta(days=30),
            size=1,
            sheet=seal(sheet_key, context(message_id.hex, "sheet"), sheet.to_bytes()),
            excerpt=b"",
            keys_mailer=seal_box(ring, "mailer", f"messages/{message_id.hex}/keys", content + sheet_key),
        )
        session.add(message)
        await session.flush()
        session.add(
            Delivery(
                message_id=message_id,
                recipient_id=recipient.id,
                envelope=Envelope.OWN,
                keys=seal_keys_to_recipient(recipient.public_key, message_id.hex, content, sheet_key),
                folder=Folder.SENT,
                received_at=now,
                expires_at=message.expires_at,
            )
        )
        for address in to:
            index = address_index(ring, address)
            session.add(Handover(message_id=message_id, address_index=index, state=HandedOver.WAITING, changed_at=now))
        for name, _ in blobs:
            session.add(Blob(message_id=message_id, name=name, key=keys[name], sealed_bytes=0, created_at=now))
        await queue_letter(
            session,
            ring,
            Letter.REPLY,
            f"reply/{message_id.hex}",
            now,
            payload=reply_payload(ring, message, recipient.id),
            message_id=message_id,
            recipient_id=recipient.id,
        )
    for name, data in blobs:
        await worker.blobs.put(keys[name], _sealed(content, context(message_id.hex, name), data))
    return message_id


async def _sealed(key: DataKey, place: bytes, data: bytes) -> AsyncIterator[bytes]:
    sealer = Sealer(key, place)
    yield sealer.update(data)
    yield sealer.finalize()
