"""A mailbox: folders, items and what changed, so that deltas and notifications can tell of it."""

import base64
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Literal

from emulator.exchange.headers import Address, Header, read_date, split_mail

Change = Literal["created", "updated", "deleted"]
WELL_KNOWN = {
    "inbox": "Inbox",
    "drafts": "Drafts",
    "sentitems": "Sent Items",
    "deleteditems": "Deleted Items",
    "junkemail": "Junk Email",
    "outbox": "Outbox",
    "archive": "Archive",
    "recoverableitemsdeletions": "Deletions",
    "recoverableitemspurges": "Purges",
}
HIDDEN = {"recoverableitemsdeletions", "recoverableitemspurges"}


@dataclass(eq=False, slots=True)
class Attachment:
    """A file on a draft or in a mail."""

    id: str
    name: str
    content_type: str
    content: bytes
    is_inline: bool = False
    content_id: str = ""
    kind: Literal["file", "item"] = "file"


@dataclass(eq=False)
class Item:
    """One mail in a mailbox, or a draft. Its bytes are `header` (the top block) and `rest` (from the blank line on)."""

    immutable_id: str
    id: str
    header: Header
    rest: bytes
    received: datetime
    is_draft: bool = False
    is_read: bool = False
    added: list[Attachment] = field(default_factory=list)
    """Files put on a draft that its bytes do not hold yet."""
    created: datetime = field(init=False)
    modified: datetime = field(init=False)
    version: int = 0
    born: float = field(default_factory=time.monotonic)
    number: int = 0
    """Place in its folder, in the order of arrival there."""
    folder: "Folder" = field(init=False, repr=False)
    categories: list[str] = field(default_factory=list)
    parts: object = field(default=None, repr=False)
    """What somebody read out of the bytes, kept until they change."""

    def __post_init__(self) -> None:
        self.created = self.modified = self.received
        self._read()

    def _read(self) -> None:
        header = self.header
        self.subject = header.text("subject")
        self.from_ = next(iter(header.addresses("from")), None)
        self.sender = next(iter(header.addresses("sender")), self.from_)
        self.to: tuple[Address, ...] = header.addresses("to")
        self.cc: tuple[Address, ...] = header.addresses("cc")
        self.bcc: tuple[Address, ...] = header.addresses("bcc")
        self.reply_to: tuple[Address, ...] = header.addresses("reply-to")
        self.internet_message_id = header.get("message-id")
        self.sent = read_date(header.get("date")) or self.received
        self.content_type = header.get("content-type").split(";")[0].strip().lower() or "text/plain"
        self._head = header.as_bytes()
        self.parts = None

    @property
    def head(self) -> bytes:
        return self._head

    @property
    def mime(self) -> bytes:
        """All bytes, without files that were only put on the draft."""
        return self._head + self.rest

    @property
    def size(self) -> int:
        return len(self._head) + len(self.rest) + sum(len(one.content) * 4 // 3 for one in self.added)

    @property
    def change_key(self) -> str:
        return base64.b64encode(f"CQAAABYAAAA{self.immutable_id[-8:]}{self.version:06d}".encode()).decode()

    @property
    def has_attachments(self) -> bool:
        """Judged by the outermost type: reading 50 MB for one flag is not worth it."""
        if any(not one.is_inline for one in self.added):
            return True
        return self.content_type == "multipart/mixed" or self.content_type.split("/")[0] not in {"text", "multipart"}

    @property
    def recipients(self) -> list[str]:
        """To, Cc and Bcc, each once."""
        return list(dict.fromkeys(one.key for one in (*self.to, *self.cc, *self.bcc)))

    def rewrite(self, header: Header, rest: bytes | None = None) -> None:
        self.header = header
        if rest is not None:
            self.rest = rest
        self._read()


@dataclass(eq=False)
class Folder:
    """A folder and the log of what came, changed and went."""

    id: str
    name: str
    well_known: str = ""
    parent_id: str = ""
    by_id: dict[str, Item] = field(default_factory=dict, repr=False)
    log: list[tuple[int, str, str]] = field(default_factory=list, repr=False)
    """(running number, immutable id, id at that time)"""

    @property
    def items(self) -> list[Item]:
        """In the order of arrival here."""
        return list(self.by_id.values())

    @property
    def is_hidden(self) -> bool:
        return self.well_known in HIDDEN

    def changed_since(self, number: int) -> list[tuple[int, str, str]]:
        """Return the last row of each item that changed after this running number, in order."""
        found: dict[str, tuple[int, str, str]] = {}
        for row in self.log[bisect_right(self.log, number, key=lambda row: row[0]) :]:
            found.pop(row[1], None)
            found[row[1]] = row
        return list(found.values())


Listener = Callable[["Mailbox", Folder, Item, Change], None]


class Mailbox:
    """All that one address holds."""

    def __init__(self, address: str, name: str, random: Random, *, max_send: int, max_receive: int) -> None:
        self.address, self.name = address, name
        self.max_send, self.max_receive = max_send, max_receive
        self.in_app_scope = False
        self.inside_only = False
        self.auto_reply: str | None = None
        self.answered: set[str] = set()
        self.listener: Listener = lambda *_: None
        self.user_id = f"{random.getrandbits(32):08x}-0000-4000-8000-{random.getrandbits(48):012x}"
        self._random = random
        self._number = 0
        self._by_id: dict[str, Item] = {}
        self.root = Folder(self._id("AQMkAG"), "Top of Information Store", "msgfolderroot")
        self.folders: dict[str, Folder] = {self.root.id: self.root}
        self._known: dict[str, Folder] = {"msgfolderroot": self.root}
        for known, shown in WELL_KNOWN.items():
            self._known[known] = self.add_folder(shown, well_known=known)

    @property
    def owner(self) -> Address:
        return Address(self.name, self.address)

    @property
    def number(self) -> int:
        """The running number of the last change."""
        return self._number

    @property
    def items(self) -> list[Item]:
        return [item for folder in self.folders.values() for item in folder.by_id.values()]

    def add_folder(self, name: str, parent: Folder | None = None, well_known: str = "") -> Folder:
        made = Folder(self._id("AQMkAG"), name, well_known, (parent or self.root).id)
        self.folders[made.id] = made
        return made

    def children(self, parent: Folder) -> list[Folder]:
        return [one for one in self.folders.values() if one.parent_id == parent.id]

    def folder(self, name_or_id: str) -> Folder:
        """Find by well-known name or id. Raises KeyError."""
        known = self._known.get(name_or_id.lower())
        return known if known is not None else self.folders[name_or_id]

    def item(self, item_id: str) -> Item | None:
        """Find by either kind of id."""
        return self._by_id.get(item_id)

    def new_item(
        self, mime: bytes | tuple[Header, bytes], *, now: datetime, is_draft: bool = False, is_read: bool = False
    ) -> Item:
        """Make an item that lies nowhere yet."""
        header, rest = split_mail(mime) if isinstance(mime, bytes) else mime
        when = now.astimezone(UTC).replace(microsecond=0)
        return Item(self._id("AAkALg"), self._id("AAMkAG"), header, rest, when, is_draft, is_read)

    def place(self, item: Item, folder: Folder) -> None:
        self._by_id[item.immutable_id] = self._by_id[item.id] = item
        self._enter(item, folder)

    def move(self, item: Item, folder: Folder) -> None:
        """Move; the default id changes, the immutable one stays."""
        self._leave(item)
        self._by_id.pop(item.id, None)
        item.id = self._id("AAMkAG")
        self._by_id[item.id] = item
        item.version += 1
        self._enter(item, folder)

    def renew(self, item: Item) -> None:
        """Give an item that is about to move another immutable id."""
        self._leave(item)
        self._by_id.pop(item.immutable_id, None)
        item.immutable_id = self._id("AAkALg")
        self._by_id[item.immutable_id] = item

    def remove(self, item: Item) -> None:
        """Take it away for good."""
        self._leave(item)
        self._by_id.pop(item.id, None)
        self._by_id.pop(item.immutable_id, None)

    def touch(self, item: Item, now: datetime) -> None:
        """Record that an item changed where it lies."""
        item.version += 1
        item.modified = now.astimezone(UTC).replace(microsecond=0)
        self._record(item.folder, item, "updated")

    def new_attachment_id(self) -> str:
        return self._id("AAMkAGatt")

    def _enter(self, item: Item, folder: Folder) -> None:
        item.folder = folder
        item.number = self._number + 1
        folder.by_id[item.immutable_id] = item
        self._record(folder, item, "created")

    def _leave(self, item: Item) -> None:
        if item.folder.by_id.pop(item.immutable_id, None) is not None:
            self._record(item.folder, item, "deleted")

    def _record(self, folder: Folder, item: Item, change: Change) -> None:
        self._number += 1
        folder.log.append((self._number, item.immutable_id, item.id))
        self.listener(self, folder, item, change)

    def _id(self, prefix: str) -> str:
        # case matters and '=' stands at the end, as in Exchange's ids
        return prefix + base64.urlsafe_b64encode(self._random.randbytes(46)).decode()
