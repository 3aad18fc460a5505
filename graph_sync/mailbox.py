"""One mailbox of ours at Exchange: the few things we do there, each one call, typed.

Four requests at a time, and none at all while Exchange has told us to wait.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from graph_sync.errors import NotFound, Rejected, Throttled, Unexpected
from graph_sync.graph import Graph
from service.core.sheet import Person

CONCURRENT = 4
"""Outlook's limit for each app and mailbox: learn.microsoft.com/graph/throttling-limits"""
PAGE = 50
DRAFTS, SENT_ITEMS, INBOX = "drafts", "sentitems", "inbox"
_ITEM = "id,internetMessageId,receivedDateTime,from,sender,toRecipients,ccRecipients,parentFolderId,isDraft"


@dataclass(frozen=True, slots=True)
class Item:
    """What Graph says of one item without its body."""

    id: str
    internet_message_id: str
    received_at: datetime | None
    from_: Person | None
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    folder_id: str
    is_draft: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a delta round: ids that are there, and where to go on. Exactly one of the links is set."""

    ids: tuple[str, ...]
    next_link: str
    delta_link: str

    @property
    def link(self) -> str:
        return self.next_link or self.delta_link


@dataclass(frozen=True, slots=True)
class Attached:
    id: str
    name: str
    size: int


class Mailbox:
    """Raises GraphError everywhere."""

    def __init__(self, graph: Graph, address: str) -> None:
        self.graph = graph
        self.address = address
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._paused_until = 0.0
        self._folders: dict[str, str] = {}

    @property
    def _user(self) -> Any:
        return self.graph.client.users.by_user_id(self.address)

    def _message(self, item_id: str) -> Any:
        return self._user.messages.by_message_id(item_id)

    def _folder(self, folder: str) -> Any:
        return self._user.mail_folders.by_mail_folder_id(folder)

    async def delta(self, folder: str, link: str) -> Page:
        """Read one page: from `link`, or from the beginning where it is empty. Raises Gone where the link is spent."""
        builder = self.graph.check_link(link) if link else self._folder(folder).messages.delta
        query = None if link else {"select": "id"}
        answer = await self._request("GET", builder, query=query, prefer=f"odata.maxpagesize={PAGE}")
        ids = tuple(str(item["id"]) for item in _values(answer) if "@removed" not in item and item.get("id"))
        page = Page(ids, str(answer.get("@odata.nextLink") or ""), str(answer.get("@odata.deltaLink") or ""))
        if not page.link:
            raise Unexpected("delta_without_link")
        self.graph.check_link(page.link)
        return page

    async def item(self, item_id: str) -> Item:
        return _item(await self._request("GET", self._message(item_id), query={"select": _ITEM}))

    @asynccontextmanager
    async def source(self, item_id: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream an item's MIME."""
        async with self._slot(), self.graph.stream(self._message(item_id).content) as pieces:
            yield pieces

    async def move(self, item_id: str, folder_id: str) -> None:
        await self._request("POST", self._message(item_id).move, body={"destinationId": folder_id})

    async def delete(self, item_id: str) -> None:
        """Delete an item; one that is gone already is no error."""
        try:
            await self._request("DELETE", self._message(item_id))
        except NotFound:
            return

    async def folder_id(self, name: str) -> str:
        """Return the id of a well-known folder; folder ids never change."""
        if name not in self._folders:
            answer = await self._request("GET", self._folder(name), query={"select": "id"})
            self._folders[name] = str(answer["id"])
        return self._folders[name]

    async def ensure_folder(self, name: str) -> str:
        """Return the id of a folder of our own at the top of the mailbox, made where it is missing."""
        if name not in self._folders:
            found = await self._find_folder(name)
            if not found:
                try:
                    answer = await self._request("POST", self._user.mail_folders, body={"displayName": name})
                    found = str(answer["id"])
                except Rejected:  # another worker may have made it in between
                    found = await self._find_folder(name)
                    if not found:
                        raise
            self._folders[name] = found
        return self._folders[name]

    async def _find_folder(self, name: str) -> str:
        query = {"filter": f"displayName eq '{_quoted(name)}'", "select": "id,displayName"}
        for folder in _values(await self._request("GET", self._user.mail_folders, query=query)):
            if folder.get("displayName") == name:
                return str(folder["id"])
        return ""

    async def create_draft(self, mime: bytes) -> str:
        """Make a draft of a whole mail; return its immutable id, which it keeps when sent."""
        answer = await self._request("POST", self._user.messages, mime=base64.b64encode(mime))
        if not answer.get("id"):
            raise Unexpected("draft_without_id")
        return str(answer["id"])

    async def attach(self, draft_id: str, name: str, content_type: str, content: bytes) -> None:
        """Put a file of less than 3 MB on a draft."""
        body = {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": name,
            "contentType": content_type,
            "contentBytes": base64.b64encode(content).decode("ascii"),
        }
        await self._request("POST", self._message(draft_id).attachments, body=body)

    async def open_upload(self, draft_id: str, name: str, content_type: str, size: int) -> str:
        """Begin the upload of a larger file; return the address that its ranges are put to."""
        item = {"attachmentType": "file", "name": name, "size": size, "contentType": content_type}
        builder = self._message(draft_id).attachments.create_upload_session
        answer = await self._request("POST", builder, body={"AttachmentItem": item})
        return str(answer.get("uploadUrl") or "")

    async def upload(self, url: str, piece: bytes, start: int, total: int) -> int | None:
        """Put one range; return where the next one begins, None at the end."""
        async with self._slot():
            answer = await self.graph.upload(url, piece, start, total)
        expected = {name.lower(): value for name, value in answer.items()}.get("nextexpectedranges")
        if not expected:
            return None
        return int(str(expected[0]).partition("-")[0])

    async def attachments(self, draft_id: str) -> list[Attached]:
        builder = self._message(draft_id).attachments
        query: dict[str, str] | None = {"select": "id,name,size", "top": "200"}
        found: list[Attached] = []
        while True:
            answer = await self._request("GET", builder, query=query)
            found += [
                Attached(str(one["id"]), str(one.get("name") or ""), int(one.get("size") or 0))
                for one in _values(answer)
            ]
            if not answer.get("@odata.nextLink"):
                return found
            builder, query = self.graph.check_link(str(answer["@odata.nextLink"])), None

    async def remove_attachment(self, draft_id: str, attachment_id: str) -> None:
        await self._request("DELETE", self._message(draft_id).attachments.by_attachment_id(attachment_id))

    async def send(self, draft_id: str) -> None:
        await self._request("POST", self._message(draft_id).send)

    async def send_mail(self, mime: bytes) -> None:
        """Send a whole mail at once; where it goes wrong in the middle nobody can tell whether it went."""
        await self._request("POST", self._user.send_mail, mime=base64.b64encode(mime))

    async def find(self, folder: str, internet_message_id: str) -> list[Item]:
        """List items of a folder with this Message-ID."""
        query = {"filter": f"internetMessageId eq '{_quoted(internet_message_id)}'", "select": _ITEM}
        return [_item(one) for one in _values(await self._request("GET", self._folder(folder).messages, query=query))]

    async def find_by_header(self, folder: str, name: str, value: str) -> list[str]:
        """List ids of the newest items of a folder that carry a header of ours, should their Message-ID be another."""
        query = {"select": "id,internetMessageHeaders", "orderby": "receivedDateTime desc", "top": "50"}
        answer = await self._request("GET", self._folder(folder).messages, query=query)
        return [
            str(one["id"])
            for one in _values(answer)
            for header in one.get("internetMessageHeaders") or ()
            if str(header.get("name", "")).lower() == name.lower() and header.get("value") == value
        ]

    async def older(self, folder_id: str, before: datetime) -> list[str]:
        """List ids of up to a page of items that were received before a time."""
        query = {"filter": f"receivedDateTime lt {before.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "select": "id"}
        answer = await self._request("GET", self._folder(folder_id).messages, query=query | {"top": str(PAGE)})
        return [str(one["id"]) for one in _values(answer)]

    async def _request(self, method: str, builder: Any, **options: Any) -> dict[str, Any]:
        async with self._slot():
            return await self.graph.request(method, builder, **options)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        async with self._slots:
            if (wait := self._paused_until - time.monotonic()) > 0:
                raise Throttled(timedelta(seconds=wait), "paused")
            try:
                yield
            except Throttled as exc:
                self._paused_until = time.monotonic() + exc.retry_after.total_seconds()
                raise


def _values(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    value = answer.get("value")
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _item(raw: Mapping[str, Any]) -> Item:
    return Item(
        id=str(raw.get("id") or ""),
        internet_message_id=str(raw.get("internetMessageId") or ""),
        received_at=instant(raw.get("receivedDateTime")),
        from_=_person(raw.get("from") or raw.get("sender")),
        to=_people(raw.get("toRecipients")),
        cc=_people(raw.get("ccRecipients")),
        folder_id=str(raw.get("parentFolderId") or ""),
        is_draft=bool(raw.get("isDraft")),
    )


def _people(raw: Any) -> tuple[Person, ...]:
    found = (_person(one) for one in raw or ())
    return tuple(person for person in found if person is not None)


def _person(raw: Any) -> Person | None:
    address = (raw or {}).get("emailAddress") or {}
    if not address.get("address"):
        return None
    return Person(str(address.get("name") or ""), str(address["address"]))


def instant(value: Any) -> datetime | None:
    """Read a time as Graph writes it, seven decimals included."""
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _quoted(value: str) -> str:
    return value.replace("'", "''")
