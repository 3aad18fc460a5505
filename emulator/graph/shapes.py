"""Graph's JSON of messages, folders and attachments; only what is selected is worked out."""

import base64
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from emulator.exchange.headers import Address, decode_words
from emulator.exchange.mailbox import Attachment, Folder, Item, Mailbox
from emulator.graph.parts import attachments_of, parts_of

NOT_BY_DEFAULT = {"internetMessageHeaders", "attachments", "uniqueBody"}


def iso(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def recipient(one: Address) -> dict[str, Any]:
    return {"emailAddress": {"name": one.name or one.address, "address": one.address}}


def _recipients(many: Iterable[Address]) -> list[dict[str, Any]]:
    return [recipient(one) for one in many]


def _body(item: Item) -> dict[str, str]:
    parts = parts_of(item)
    if parts.html is not None:
        return {"contentType": "html", "content": parts.html}
    return {"contentType": "text", "content": parts.text}


def _headers(item: Item) -> list[dict[str, str]]:
    return [
        {"name": line.partition(b":")[0].decode().strip(), "value": decode_words(_unfolded(line.partition(b":")[2]))}
        for _, line in item.header.fields
    ]


def _unfolded(value: bytes) -> str:
    return re.sub(r"[\r\n]+(?=[ \t])", "", value.decode("utf-8", "replace")).strip()


def _importance(item: Item) -> str:
    value = item.header.get("importance").lower()
    return value if value in {"low", "high"} else "normal"


MESSAGE: dict[str, Callable[[Item], Any]] = {
    "createdDateTime": lambda item: iso(item.created),
    "lastModifiedDateTime": lambda item: iso(item.modified),
    "changeKey": lambda item: item.change_key,
    "categories": lambda item: item.categories,
    "receivedDateTime": lambda item: iso(item.received),
    "sentDateTime": lambda item: iso(item.sent),
    "hasAttachments": lambda item: item.has_attachments,
    "internetMessageId": lambda item: item.internet_message_id,
    "subject": lambda item: item.subject,
    "bodyPreview": lambda item: parts_of(item).preview,
    "importance": _importance,
    "parentFolderId": lambda item: item.folder.id,
    "conversationId": lambda item: "AAQkAG" + item.immutable_id[8:40],
    "conversationIndex": lambda _: "AQHaAAAA",
    "isDeliveryReceiptRequested": lambda item: bool(item.header.get("return-receipt-to")),
    "isReadReceiptRequested": lambda item: bool(item.header.get("disposition-notification-to")),
    "isRead": lambda item: item.is_read,
    "isDraft": lambda item: item.is_draft,
    "webLink": lambda item: f"https://outlook.office365.com/owa/?ItemID={item.id}",
    "inferenceClassification": lambda _: "focused",
    "body": _body,
    "uniqueBody": _body,
    "sender": lambda item: recipient(item.sender) if item.sender else None,
    "from": lambda item: recipient(item.from_) if item.from_ else None,
    "toRecipients": lambda item: _recipients(item.to),
    "ccRecipients": lambda item: _recipients(item.cc),
    "bccRecipients": lambda item: _recipients(item.bcc),
    "replyTo": lambda item: _recipients(item.reply_to),
    "flag": lambda _: {"flagStatus": "notFlagged"},
    "internetMessageHeaders": _headers,
    "attachments": lambda item: [attachment_json(one) for one in attachments_of(item)],
}
DEFAULT = tuple(name for name in MESSAGE if name not in NOT_BY_DEFAULT)


def message_json(item: Item, select: frozenset[str] | None, *, immutable: bool) -> dict[str, Any]:
    names = DEFAULT if select is None else [name for name in MESSAGE if name in select]
    found: dict[str, Any] = {
        "@odata.etag": f'W/"{item.change_key}"',
        "id": item.immutable_id if immutable else item.id,
    }
    for name in names:
        found[name] = MESSAGE[name](item)
    return found


def folder_json(mailbox: Mailbox, folder: Folder) -> dict[str, Any]:
    return {
        "id": folder.id,
        "displayName": folder.name,
        "parentFolderId": folder.parent_id or folder.id,
        "childFolderCount": len(mailbox.children(folder)),
        "unreadItemCount": sum(not item.is_read for item in folder.by_id.values()),
        "totalItemCount": len(folder.by_id),
        "isHidden": folder.is_hidden,
    }


def attachment_json(
    one: Attachment, select: frozenset[str] | None = None, *, content: bool = True, overhead: int = 0
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@odata.type": f"#microsoft.graph.{one.kind}Attachment",
        "@odata.mediaContentType": one.content_type,
        "id": one.id,
        "lastModifiedDateTime": "2026-11-24T00:00:00Z",
        "name": one.name,
        "contentType": one.content_type,
        "size": len(one.content) + overhead,
        "isInline": one.is_inline,
    }
    if one.kind == "file":
        found |= {"contentId": one.content_id or None, "contentLocation": None}
        if content and (select is None or "contentBytes" in select):
            found["contentBytes"] = base64.b64encode(one.content).decode()
    if select is None:
        return found
    return {key: value for key, value in found.items() if key in select or key == "id" or key.startswith("@")}
