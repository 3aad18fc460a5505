"""Search by opening: nothing is indexed, so nothing about a text lies anywhere but under its seal.

Newest first, some messages at a time, in a thread, until the page is full or the work that one search may cost is
done; whoever wants more goes on from there. Only what sheet and excerpt do not decide is opened further.
"""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.blobs import Blobs
from service.core.folding import fold, fold_text, lacking
from service.core.sheet import Sheet
from service.core.states import Folder
from service.db.engine import Database
from service.db.tables import Blob, Delivery, Message
from service.errors import Broken, TryAgain
from service.mailbox.deliveries import in_place, living, read_rows
from service.mailbox.opening import Content, Opened, open_delivery
from service.mailbox.order import Place, Sort, in_order, is_behind, place_of
from service.mime.excerpt import strip_html
from service.mime.limits import EXCERPT_HTML_BYTES
from service.mime.roles import view
from service.vault.people import RecipientKey
from service.vault.ring import KeyRing

BATCH = 50
TEXT_BYTES = EXCERPT_HTML_BYTES
"""Searched of one message's text; what lies behind is found by reading."""
AT_ONCE = 2
WAIT_SECONDS = 8.0
"""How long a search waits for its turn before its reader is told to come again (503)."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """What is sought. All words must occur, each anywhere; texts are folded."""

    words: tuple[str, ...] = ()
    sender: tuple[str, ...] = ()
    has_files: bool = False
    since: datetime | None = None
    before: datetime | None = None
    folder: Folder | None = None
    own: uuid.UUID | None = None

    @property
    def is_nothing(self) -> bool:
        return not (self.words or self.sender or self.has_files or self.since or self.before)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one search may cost; it looks at one message at least."""

    messages: int = 5000
    text_bytes: int = 64 * 1_048_576
    seconds: float = 2.0


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """A message that was found, and its text where that was opened."""

    opened: Opened
    excerpt: str
    text: str
    in_text: tuple[str, ...]
    """Words that stand in the text only."""


@dataclass(slots=True, repr=False)
class Searched:
    """One page of what was found, newest first."""

    hits: list[Hit] = field(default_factory=list)
    last: Place | None = None
    """Where the search stopped, if older messages are left."""
    reached: datetime | None = None
    """When the last message that was looked at came."""


class SearchGate:
    """Few searches at a time in this process, and one of each reader; whoever waits too long is told to try again."""

    def __init__(self, at_once: int = AT_ONCE, wait_seconds: float = WAIT_SECONDS) -> None:
        self._at_once, self._wait = at_once, wait_seconds
        self._readers: set[uuid.UUID] = set()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def turn(self, recipient_id: uuid.UUID) -> AsyncIterator[None]:
        """Raises TryAgain."""
        try:
            async with asyncio.timeout(self._wait), self._changed:
                await self._changed.wait_for(
                    lambda: recipient_id not in self._readers and len(self._readers) < self._at_once
                )
                self._readers.add(recipient_id)
        except TimeoutError as exc:
            raise TryAgain("too many searches at once") from exc
        try:
            yield
        finally:
            self._readers.discard(recipient_id)
            async with self._changed:
                self._changed.notify_all()


@dataclass(slots=True, repr=False)
class Search:
    """One search of one reader."""

    db: Database
    blobs: Blobs
    ring: KeyRing
    key: RecipientKey
    recipient_id: uuid.UUID
    now: datetime
    wanted: Wanted
    limit: int
    budget: Budget = Budget()
    tick: Callable[[], float] = time.monotonic
    """A clock that only this search is measured by."""
    _until: float = 0.0
    _bytes_left: int = 0

    async def run(self, after: Place | None = None) -> Searched:
        self._until, self._bytes_left = self.tick() + self.budget.seconds, self.budget.text_bytes
        async with self.db.reading() as session:
            ids = list(await session.scalars(self._candidates(after)))
        found = Searched()
        looked = 0
        while looked < min(len(ids), self.budget.messages) and not self._is_spent(found, looked):
            batch = ids[looked : min(looked + BATCH, self.budget.messages)]
            async with self.db.reading() as session:
                rows = await read_rows(session, self.recipient_id, batch, self.now)
                keys = await _list_blobs(session, [row.message_id for row in rows])
            seen = await asyncio.to_thread(self._look_at, rows, keys, found)
            # rows that went meanwhile are looked at too
            looked += len(batch) if seen == len(rows) else batch.index(rows[seen].id)
        if looked >= len(ids):
            found.last = None
        return found

    def _candidates(self, after: Place | None) -> Select[uuid.UUID]:
        which: list[ColumnElement[bool]] = [*living(self.recipient_id, self.now)]
        if self.wanted.folder is not None:
            which += in_place(self.wanted.folder, self.wanted.own)
        if self.wanted.since is not None:
            which.append(Delivery.received_at >= self.wanted.since)
        if self.wanted.before is not None:
            which.append(Delivery.received_at < self.wanted.before)
        if after is not None:
            which.append(is_behind(Sort.NEWEST, after))
        query = select(Delivery.id).where(*which)
        if self.wanted.has_files:
            query = query.join(Delivery.message).where(Message.files > 0)
        return query.order_by(*in_order(Sort.NEWEST)).limit(self.budget.messages + 1)

    def _is_spent(self, found: Searched, looked: int) -> bool:
        if len(found.hits) >= self.limit:
            return True
        return looked > 0 and (self.tick() >= self._until or self._bytes_left <= 0)

    def _look_at(self, rows: Sequence[Delivery], keys: Mapping[uuid.UUID, dict[str, str]], found: Searched) -> int:
        """Look at some messages in a thread of their own; return at how many."""
        return asyncio.run(self._look(rows, keys, found))

    async def _look(self, rows: Sequence[Delivery], keys: Mapping[uuid.UUID, dict[str, str]], found: Searched) -> int:
        for number, row in enumerate(rows):
            if self._is_spent(found, number + (found.last is not None)):
                return number
            found.last, found.reached = place_of(row, Sort.NEWEST), row.received_at
            try:
                hit = await self._match(row, keys.get(row.message_id, {}))
            except Broken:
                _log.error("delivery does not open", delivery=row.id.hex, exc_info=False)
                continue
            if hit is not None:
                found.hits.append(hit)
        return len(rows)

    async def _match(self, row: Delivery, keys: dict[str, str]) -> Hit | None:
        opened = open_delivery(self.ring, self.key, row)
        sheet = opened.sheet
        if lacking(self.wanted.sender, fold(f"{sheet.sender.name}\n{sheet.sender.address}")):
            return None
        excerpt = opened.excerpt
        left = lacking(self.wanted.words, fold_text(f"{_told(sheet)}\n{excerpt}"))
        if not left:
            return Hit(opened, excerpt, "", ())
        text = await self._read_text(Content.of(self.blobs, opened, keys), sheet)
        return None if lacking(left, fold_text(text)) else Hit(opened, excerpt, text, left)

    async def _read_text(self, content: Content, sheet: Sheet) -> str:
        texts: list[str] = []
        longest = TEXT_BYTES
        for part in view(sheet.parts):
            text = await content.read_text(part, longest)
            texts.append(strip_html(text) if part.type in {"text/html", "text/enriched"} else text)
            self._bytes_left -= min(part.size, longest)
            longest -= part.size
            if longest <= 0:
                break
        return "\n".join(texts)


def _told(sheet: Sheet) -> str:
    """Return what the sheet says: subject, names, addresses, names of files."""
    people = (sheet.sender, *sheet.to, *sheet.cc)
    names = (part.name for part in sheet.parts if part.name)
    return "\n".join([sheet.subject, *(f"{one.name} {one.address}" for one in people), *names])


async def _list_blobs(session: AsyncSession, ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, dict[str, str]]:
    found: dict[uuid.UUID, dict[str, str]] = defaultdict(dict)
    if ids:
        query = select(Blob.message_id, Blob.name, Blob.key).where(Blob.message_id.in_(ids))
        for message_id, name, key in await session.execute(query):
            found[message_id][name] = key
    return found
