"""What `sync` may open of the rows that a letter tells of: the sheet, the sender, the blind copies, an address."""

import hashlib
import json
from dataclasses import dataclass

from service.core.sheet import Person, Sheet
from service.core.states import MessageKind
from service.db.tables import Message
from service.errors import Broken
from service.vault.box import open_box
from service.vault.ring import KeyRing
from service.vault.stream import KEY_BYTES, context, open_sealed
from service.vault.types import DataKey


@dataclass(frozen=True, slots=True)
class Keys:
    sheet: DataKey
    content: DataKey | None
    """Of replies only: what was received `sync` cannot open."""


def message_keys(ring: KeyRing, message: Message) -> Keys:
    """Open the keys that the message keeps for the mailer. Raises SealBroken; Broken where they were shredded."""
    if message.keys_mailer is None:
        raise Broken("the keys for letters about this message are shredded")
    keys = open_box(ring, f"messages/{message.id.hex}/keys", message.keys_mailer)
    if len(keys) == 2 * KEY_BYTES and message.kind is not MessageKind.RECEIVED:
        return Keys(DataKey(keys[KEY_BYTES:]), DataKey(keys[:KEY_BYTES]))
    if len(keys) == KEY_BYTES and message.kind is MessageKind.RECEIVED:
        return Keys(DataKey(keys), None)
    raise Broken("the keys for letters about this message are of another kind")


def message_sheet(ring: KeyRing, message: Message) -> Sheet:
    """Open the sheet, and believe a received one only where `sync` signed it. Raises SealBroken, Broken."""
    if message.kind is MessageKind.RECEIVED:
        signed = b"sheet\0" + message.id.bytes + hashlib.sha256(message.sheet).digest()
        ring.check(signed, message.sheet_signature or b"")
    clear = open_sealed(message_keys(ring, message).sheet, context(message.id.hex, "sheet"), message.sheet)
    try:
        return Sheet.from_bytes(clear)
    except ValueError as exc:
        raise Broken("a sheet cannot be read") from exc


def staff_sender(ring: KeyRing, message: Message) -> Person:
    """Open to whom receipts about a message go. Raises SealBroken, Broken."""
    if message.sender_box is None:
        raise Broken("nobody is to get receipts about this message")
    opened = json.loads(open_box(ring, f"messages/{message.id.hex}/sender", message.sender_box))
    return Person(str(opened["name"]), str(opened["address"]))


def blind_copies(ring: KeyRing, message: Message) -> list[str]:
    """Open the blind copies, for the sender's own receipt only. Raises SealBroken."""
    if message.bcc_box is None:
        return []
    return [str(address) for address in json.loads(open_box(ring, f"messages/{message.id.hex}/bcc", message.bcc_box))]
