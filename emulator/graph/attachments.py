"""Attachments: list, get, bytes, add, delete, and upload sessions for the large ones."""

import re
import secrets
from datetime import timedelta
from typing import Any

from quart import Blueprint, Quart, Response, request
from quart.typing import ResponseReturnValue

from emulator.exchange.mailbox import Attachment, Item, Mailbox
from emulator.graph.access import Access, lower_first, read_json
from emulator.graph.drafts import read_attachment
from emulator.graph.errors import GraphError, bad_request, item_not_found
from emulator.graph.messages import BOTH
from emulator.graph.parts import attachments_of
from emulator.graph.query import selected
from emulator.graph.shapes import attachment_json, iso
from emulator.graph.state import Upload
from emulator.tenant import Tenant

RANGE_BYTES = 4 * 1_048_576  # of one PUT; docs, outlook-large-attachments: "up to 4 MB"
SMALLEST = 3_000_000  # of a session's file; docs say 3 MB to 150 MB, not which kind of MB: read mildly at both ends
LARGEST = 150 * 1_048_576
SESSION_LIFE = timedelta(hours=1)  # weak: not documented
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")


def add_routes(graph: Blueprint, access: Access) -> None:
    tenant = access.tenant

    def found(user: str, item_id: str, folder: str | None, attachment_id: str) -> tuple[Mailbox, Item, Attachment]:
        mailbox = access.mailbox(user, "write" if request.method == "DELETE" else "read")
        item = access.item(mailbox, item_id, folder)
        one = next((one for one in attachments_of(item) if one.id == attachment_id), None)
        if one is None:
            raise item_not_found()
        return mailbox, item, one

    @graph.get(BOTH[0] + "/attachments")
    @graph.get(BOTH[1] + "/attachments")
    async def list_attachments(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        item = access.item(access.mailbox(user, "read"), item_id, folder)
        select, more = selected(dict(request.args)), tenant.world.attachment_size_overhead
        return {"value": [attachment_json(one, select, overhead=more) for one in attachments_of(item)]}

    @graph.post(BOTH[0] + "/attachments")
    @graph.post(BOTH[1] + "/attachments")
    async def add_attachment(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        item = access.item(mailbox, item_id, folder)
        one = read_attachment(await read_json(), mailbox)
        _draft(item).added.append(one)
        mailbox.touch(item, tenant.clock())
        return attachment_json(one, overhead=tenant.world.attachment_size_overhead), 201

    @graph.get(BOTH[0] + "/attachments/<attachment_id>")
    @graph.get(BOTH[1] + "/attachments/<attachment_id>")
    async def get_attachment(
        user: str, item_id: str, attachment_id: str, folder: str | None = None
    ) -> ResponseReturnValue:
        _, _, one = found(user, item_id, folder, attachment_id)
        return attachment_json(one, selected(dict(request.args)), overhead=tenant.world.attachment_size_overhead)

    @graph.get(BOTH[0] + "/attachments/<attachment_id>/$value")
    @graph.get(BOTH[1] + "/attachments/<attachment_id>/$value")
    async def get_content(user: str, item_id: str, attachment_id: str, folder: str | None = None) -> Response:
        _, _, one = found(user, item_id, folder, attachment_id)
        return Response(one.content, content_type=one.content_type)

    @graph.delete(BOTH[0] + "/attachments/<attachment_id>")
    @graph.delete(BOTH[1] + "/attachments/<attachment_id>")
    async def delete_attachment(
        user: str, item_id: str, attachment_id: str, folder: str | None = None
    ) -> ResponseReturnValue:
        mailbox, item, one = found(user, item_id, folder, attachment_id)
        if one not in _draft(item).added:
            raise bad_request(
                "This emulator takes only files off a draft that were put on it.", "ErrorInvalidOperation"
            )
        item.added.remove(one)
        mailbox.touch(item, tenant.clock())
        return "", 204

    @graph.post(BOTH[0] + "/attachments/createUploadSession")
    @graph.post(BOTH[1] + "/attachments/createUploadSession")
    async def create_session(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        item = _draft(access.item(mailbox, item_id, folder))
        upload = _new_upload(tenant, mailbox, item, lower_first(await read_json()).get("attachmentItem"))
        tenant.graph.uploads[upload.token] = upload
        return {
            "@odata.type": "#microsoft.graph.uploadSession",
            "uploadUrl": f"{tenant.url or request.host_url.rstrip('/')}/upload/AttachmentSessions/{upload.token}",
            "expirationDateTime": _long_iso(upload),
            "nextExpectedRanges": ["0-"],
        }, 201


def add_upload_route(app: Quart, access: Access) -> None:
    """Add the pre-authenticated address: its token is all it asks for, on the host that serves Graph here."""
    tenant = access.tenant

    @app.put("/upload/AttachmentSessions/<token>")
    async def put_range(token: str) -> ResponseReturnValue:
        upload = tenant.graph.uploads.get(token)
        if upload is None or upload.expires <= tenant.clock():
            tenant.graph.uploads.pop(token, None)
            raise GraphError(404, "ErrorItemNotFound", "The upload session was not found.")
        if tenant.world.happens(tenant.world.chaos.fail):
            raise GraphError(503, "ServiceUnavailable", "The service is unavailable.", {"Retry-After": "1"})
        access.count_upload(upload.mailbox, request.content_length or 0)
        body = await request.get_data(cache=False, as_text=False, parse_form_data=False)
        _take(upload, body, request.headers.get("Content-Range", ""))
        if len(upload.content) < upload.size:
            return _progress(tenant, upload), 200
        one = _finish(tenant, upload)
        where = f"{tenant.url}/v1.0/users/{upload.mailbox.user_id}/messages/{upload.item.id}/attachments/{one.id}"
        return Response("", 201, {"Location": where})

    @app.get("/upload/AttachmentSessions/<token>")
    async def get_progress(token: str) -> ResponseReturnValue:
        upload = tenant.graph.uploads.get(token)
        if upload is None:
            raise GraphError(404, "ErrorItemNotFound", "The upload session was not found.")
        return _progress(tenant, upload)

    @app.delete("/upload/AttachmentSessions/<token>")
    async def cancel(token: str) -> ResponseReturnValue:
        tenant.graph.uploads.pop(token, None)
        return "", 204


def _new_upload(tenant: Tenant, mailbox: Mailbox, item: Item, given: Any) -> Upload:
    given = given if isinstance(given, dict) else {}
    size = given.get("size")
    if given.get("attachmentType") != "file" or not given.get("name") or not isinstance(size, int):
        raise bad_request("The attachment item needs attachmentType, name and size.", "ErrorInvalidRequest")
    if size < SMALLEST:
        text = "The attachment size should not be less than 3 MB."
        raise bad_request(text, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize")
    if size > LARGEST:
        raise GraphError(413, "ErrorAttachmentSizeLimitExceeded", "The attachment exceeds the maximum size.")
    return Upload(
        token=secrets.token_urlsafe(32),
        mailbox=mailbox,
        item=item,
        name=str(given["name"]),
        size=size,
        content_type=str(given.get("contentType") or "application/octet-stream"),
        is_inline=bool(given.get("isInline")),
        content_id=str(given.get("contentId") or ""),
        expires=tenant.clock() + SESSION_LIFE,
    )


def _take(upload: Upload, body: bytes, content_range: str) -> None:
    """Take one range, the next in order. Raises GraphError."""
    match = _RANGE.match(content_range)
    if match is None:
        raise bad_request("The Content-Range header is missing or malformed.", "ErrorInvalidRequest")
    start, end, total = (int(one) for one in match.groups())
    if total != upload.size or end - start + 1 != len(body) or not body:
        raise bad_request("The Content-Range header does not fit the content.", "ErrorInvalidRequest")
    if len(body) > RANGE_BYTES:
        raise GraphError(413, "RequestEntityTooLarge", "A range must not exceed 4 MB.")
    if start != len(upload.content):
        raise GraphError(416, "InvalidRange", "The uploaded fragment is not the next one expected.")
    upload.content += body


def _finish(tenant: Tenant, upload: Upload) -> Attachment:
    del tenant.graph.uploads[upload.token]
    one = Attachment(
        id=upload.mailbox.new_attachment_id(),
        name=upload.name,
        content_type=upload.content_type,
        content=bytes(upload.content),
        is_inline=upload.is_inline,
        content_id=upload.content_id,
    )
    _draft(upload.item).added.append(one)
    upload.mailbox.touch(upload.item, tenant.clock())
    return one


def _progress(tenant: Tenant, upload: Upload) -> dict[str, Any]:
    found = {"expirationDateTime": _long_iso(upload), "nextExpectedRanges": [f"{len(upload.content)}-"]}
    if tenant.world.upload_answers_capitalised:
        return {key[:1].upper() + key[1:]: value for key, value in found.items()}
    return found


def _draft(item: Item) -> Item:
    if not item.is_draft:
        raise bad_request("Attachments can be changed only on a draft.", "ErrorInvalidOperation")
    return item


def _long_iso(upload: Upload) -> str:
    return iso(upload.expires).removesuffix("Z") + ".1234567Z"  # seven decimals, as Exchange writes
