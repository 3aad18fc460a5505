"""Drafts out of JSON and MIME, and their changes."""

import base64
import binascii
import re
from email.utils import format_datetime
from typing import Any

from emulator.exchange.headers import Address, Header, encode_words, write_address
from emulator.exchange.mailbox import Attachment, Mailbox
from emulator.graph.errors import GraphError, bad_request

RECIPIENT_FIELDS = {"toRecipients": "To", "ccRecipients": "Cc", "bccRecipients": "Bcc", "replyTo": "Reply-To"}
MOST_IN_ONE_POST = 3 * 1_048_576  # of one attachment; docs, message-post-attachments: "under 3 MB"
MOST_HEADERS = 5  # weak: communities say so, Microsoft does not


def read_mime(body: bytes) -> bytes:
    """Decode a request's base64. Raises GraphError."""
    try:
        mime = base64.b64decode(re.sub(rb"\s+", b"", body), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise bad_request("Invalid base64 string for MIME content.", "ErrorMimeContentInvalidBase64String") from exc
    if not mime:
        raise bad_request("Invalid base64 string for MIME content.", "ErrorMimeContentInvalidBase64String")
    return mime


def from_json(given: dict[str, Any], mailbox: Mailbox, now: Any) -> tuple[Header, bytes, list[Attachment]]:
    """Make a draft's header, body and files."""
    header = Header([], b"\r\n").on_top(("Date", format_datetime(now)), ("MIME-Version", "1.0"))
    sender = given.get("from") or {"emailAddress": {"address": mailbox.address, "name": mailbox.name}}
    header = header.replace("From", write_address(_address(sender)))
    header = with_fields(header, {"subject": "", **given})
    header, rest = with_body(header, given.get("body") or {})
    files = [read_attachment(one, mailbox) for one in given.get("attachments") or []]
    return header, rest, files


def with_fields(header: Header, given: dict[str, Any]) -> Header:
    """Write what JSON says of the top fields."""
    if "subject" in given:
        header = header.replace("Subject", encode_words(given["subject"] or ""))
    for key, name in RECIPIENT_FIELDS.items():
        if key in given:
            header = header.replace(name, ", ".join(write_address(_address(one)) for one in given[key] or []) or None)
    if given.get("internetMessageId"):
        header = header.replace("Message-ID", str(given["internetMessageId"]))
    if given.get("importance") in {"low", "high"}:
        header = header.replace("Importance", str(given["importance"]))
    own = given.get("internetMessageHeaders") or []
    if len(own) > MOST_HEADERS:
        raise bad_request("Maximum number of headers in one message should be less than or equal to 5.")
    for one in own:
        name = str(one.get("name", ""))
        if not re.fullmatch(r"[xX]-[!-9;-~]+", name):
            text = f"The internet message header name '{name}' should start with 'x-' or 'X-'."
            raise bad_request(text, "InvalidInternetMessageHeader")
        header = header.replace(name, encode_words(str(one.get("value", ""))))
    return header


def with_body(header: Header, body: dict[str, Any]) -> tuple[Header, bytes]:
    """Write a body of one part."""
    kind = "html" if str(body.get("contentType", "text")).lower() == "html" else "plain"
    header = header.without([], prefix="content-").replace("Content-Type", f"text/{kind}; charset=utf-8")
    header = header.replace("Content-Transfer-Encoding", "base64")
    content = base64.encodebytes(str(body.get("content") or "").encode())
    return header, header.newline + content.replace(b"\n", header.newline)


def read_attachment(given: dict[str, Any], mailbox: Mailbox) -> Attachment:
    """Take a fileAttachment out of JSON. Raises GraphError."""
    if given.get("@odata.type") not in {"#microsoft.graph.fileAttachment", "microsoft.graph.fileAttachment"}:
        raise bad_request("Only fileAttachment can be made here.", "ErrorInvalidRequest")
    if not given.get("name"):
        raise bad_request("Required property 'name' is missing.", "ErrorInvalidProperty")
    try:
        content = base64.b64decode(given.get("contentBytes") or "", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise bad_request("Cannot convert the literal to Edm.Binary.", "RequestBodyRead") from exc
    if len(content) >= MOST_IN_ONE_POST:
        text = "The request exceeds the maximum size; use an upload session."
        raise GraphError(413, "ErrorAttachmentSizeLimitExceeded", text)
    return Attachment(
        id=mailbox.new_attachment_id(),
        name=str(given["name"]),
        content_type=str(given.get("contentType") or "application/octet-stream"),
        content=content,
        is_inline=bool(given.get("isInline")),
        content_id=str(given.get("contentId") or ""),
    )


def _address(given: Any) -> Address:
    found = (given or {}).get("emailAddress") if isinstance(given, dict) else None
    if not isinstance(found, dict):
        raise bad_request("A recipient has no emailAddress.", "ErrorInvalidRecipients")
    return Address(str(found.get("name") or ""), str(found.get("address") or ""))
