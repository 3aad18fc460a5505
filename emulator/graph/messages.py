"""Messages: list, get, their MIME, drafts, changes, moves, deletion and sending."""

from collections.abc import AsyncIterator
from typing import Any

from quart import Blueprint, Response, g, request
from quart.typing import ResponseReturnValue

from emulator.exchange.headers import split_mail
from emulator.exchange.mailbox import Attachment, Folder, Item, Mailbox
from emulator.graph.access import Access, lower_first, read_json
from emulator.graph.drafts import from_json, read_mime, with_body, with_fields
from emulator.graph.errors import GraphError, bad_request
from emulator.graph.parts import assemble, attachments_of
from emulator.graph.query import ITEM_VALUES, filter_of, order_of, page_of, selected
from emulator.graph.shapes import message_json

PIECE = 262_144
DRAFT_ONLY = {"subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from", "sender"}
BOTH = ("/users/<user>/messages/<item_id>", "/users/<user>/mailFolders/<folder>/messages/<item_id>")


def add_routes(graph: Blueprint, access: Access) -> None:
    _add_reading(graph, access)
    _add_writing(graph, access)
    _add_sending(graph, access)


def answer(item: Item, select: frozenset[str] | None = None) -> dict[str, Any]:
    return message_json(item, select, immutable=g.immutable)


def _add_reading(graph: Blueprint, access: Access) -> None:
    def listed(items: list[Item]) -> ResponseReturnValue:
        args = dict(request.args)
        if "$filter" in args:
            items = list(filter(filter_of(args["$filter"], ITEM_VALUES), items))
        key, backwards = order_of(args.get("$orderby", "receivedDateTime desc"), ITEM_VALUES)
        items = sorted(items[::-1] if backwards else items, key=key, reverse=backwards)
        page = page_of(items, args, request.base_url)
        found: dict[str, Any] = {"@odata.count": len(items)} if args.get("$count") == "true" else {}
        if page.next_link:
            found["@odata.nextLink"] = page.next_link
        return found | {"value": [answer(item, selected(args)) for item in page.rows]}

    @graph.get("/users/<user>/messages")
    async def list_all(user: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "read")
        return listed([item for item in mailbox.items if not item.folder.is_hidden])

    @graph.get("/users/<user>/mailFolders/<folder>/messages")
    async def list_folder(user: str, folder: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "read")
        return listed(access.folder(mailbox, folder).items)

    @graph.get(BOTH[0])
    @graph.get(BOTH[1])
    async def get_message(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        item = access.item(access.mailbox(user, "read"), item_id, folder)
        return answer(item, selected(dict(request.args)))

    @graph.get(BOTH[0] + "/$value")
    @graph.get(BOTH[1] + "/$value")
    async def get_mime(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        item = access.item(access.mailbox(user, "read"), item_id, folder)
        head, rest = item.head, item.rest
        if item.added:
            header, rest = assemble(item.header, item.rest, item.added)
            head = header.as_bytes()
        world = access.tenant.world
        stop = (len(head) + len(rest)) // 2 if world.happens(world.chaos.cut) else None
        response = Response(_pieces(head, rest, stop), content_type="text/plain")
        response.content_length = len(head) + len(rest)
        return response


async def _pieces(head: bytes, rest: bytes, stop: int | None) -> AsyncIterator[bytes]:
    yield head
    view, sent = memoryview(rest), len(head)
    for start in range(0, len(rest), PIECE):
        if stop is not None and sent >= stop:
            raise ConnectionResetError("cut in the middle, as planned")
        piece = bytes(view[start : start + PIECE])
        sent += len(piece)
        yield piece
    if stop is not None:
        raise ConnectionResetError("cut at the end, as planned")


def _add_writing(graph: Blueprint, access: Access) -> None:
    tenant = access.tenant

    async def created(mailbox: Mailbox, folder: Folder) -> ResponseReturnValue:
        item = await new_draft(access, mailbox)
        mailbox.place(item, folder)
        return answer(item), 201

    @graph.post("/users/<user>/messages")
    async def create_draft(user: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        return await created(mailbox, mailbox.folder("drafts"))

    @graph.post("/users/<user>/mailFolders/<folder>/messages")
    async def create_in_folder(user: str, folder: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        return await created(mailbox, access.folder(mailbox, folder))

    @graph.patch(BOTH[0])
    @graph.patch(BOTH[1])
    async def change(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        item = access.item(mailbox, item_id, folder)
        given = await read_json()
        if DRAFT_ONLY & given.keys() and not item.is_draft:
            # from 31 December 2026 only with Mail-Advanced.ReadWrite
            raise bad_request("The property can be updated only if isDraft = true.", "ErrorInvalidPropertySet")
        item.is_read = bool(given.get("isRead", item.is_read))
        item.categories = [str(one) for one in given.get("categories", item.categories)]
        header, rest = with_fields(item.header, given), item.rest
        if "body" in given:
            item.added = attachments_of(item)
            header, rest = with_body(header, given["body"] or {})
        item.rewrite(header, rest)
        mailbox.touch(item, tenant.clock())
        return answer(item)

    @graph.delete(BOTH[0])
    @graph.delete(BOTH[1])
    async def delete(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        item = access.item(mailbox, item_id, folder)
        known = item.folder.well_known
        if known.startswith("recoverableitems"):
            mailbox.remove(item)
        else:
            target = "recoverableitemsdeletions" if known == "deleteditems" else "deleteditems"
            mailbox.move(item, mailbox.folder(target))
        return "", 204

    @graph.post(BOTH[0] + "/permanentDelete")
    @graph.post(BOTH[1] + "/permanentDelete")
    async def purge(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        mailbox.move(access.item(mailbox, item_id, folder), mailbox.folder("recoverableitemspurges"))
        return "", 204

    @graph.post(BOTH[0] + "/move")
    @graph.post(BOTH[1] + "/move")
    async def move(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        item = access.item(mailbox, item_id, folder)
        target = access.folder(mailbox, str(lower_first(await read_json()).get("destinationId")))
        if target is not item.folder:
            mailbox.move(item, target)
        return answer(item), 201


def _add_sending(graph: Blueprint, access: Access) -> None:
    exchange = access.tenant.exchange

    async def hand_over(mailbox: Mailbox, item: Item, *, save: bool = True) -> None:
        """Refuse what Graph refuses before the transport sees it, then send. Raises GraphError."""
        world = access.tenant.world
        if not item.recipients or any(not _is_address(one) for one in item.recipients):
            raise bad_request("At least one recipient isn't valid.", "ErrorInvalidRecipients")
        other = {one.key for one in item.header.addresses("from")} - {mailbox.address.lower()}
        if other and world.from_other_address == "refuse":
            text = (
                "The user account which was used to submit this request does not have the right to send mail on behalf."
            )
            raise GraphError(403, "ErrorSendAsDenied", text)
        header, rest = assemble(item.header, item.rest, item.added)
        if world.oversize_send == "refuse" and len(header.as_bytes()) + len(rest) > mailbox.max_send:
            raise GraphError(413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
        access.count_sending(mailbox)
        item.added = []
        item.rewrite(header, rest)
        await exchange.send_item(mailbox, item, save=save)

    @graph.post("/users/<user>/sendMail")
    async def send_mail(user: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "send")
        given = {} if _is_mime() else lower_first(await read_json())
        item = await new_draft(access, mailbox, given.get("message", given) if given else None)
        await hand_over(mailbox, item, save=given.get("saveToSentItems", True) is not False)
        return "", 202

    @graph.post(BOTH[0] + "/send")
    @graph.post(BOTH[1] + "/send")
    async def send(user: str, item_id: str, folder: str | None = None) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "send")
        item = access.item(mailbox, item_id, folder)
        if not item.is_draft:
            raise bad_request("The item cannot be sent: it is not a draft.", "ErrorInvalidOperation")
        await hand_over(mailbox, item)
        return "", 202


async def new_draft(access: Access, mailbox: Mailbox, given: dict[str, Any] | None = None) -> Item:
    """Make a draft of the request's body, JSON or MIME; it lies nowhere yet."""
    now = access.tenant.clock()
    if given is None and _is_mime():
        header, rest = split_mail(read_mime(await request.get_data(cache=False, as_text=False, parse_form_data=False)))
        added: list[Attachment] = []
    else:
        header, rest, added = from_json(given if given is not None else await read_json(), mailbox, now)
    if not header.get("message-id"):
        header = header.on_top(("Message-ID", access.tenant.exchange.new_message_id()))
    item = mailbox.new_item((header, rest), now=now, is_draft=True, is_read=True)
    item.added = added
    return item


def _is_mime() -> bool:
    return request.content_type is not None and request.content_type.split(";")[0].strip().lower() == "text/plain"


def _is_address(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(at and local and "." in domain and not set(text) & set(" <>,;"))
