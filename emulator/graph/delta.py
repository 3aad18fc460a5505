"""Delta of a folder's messages: pages of what is there, then rounds of what changed."""

import base64
import binascii
import json
from typing import Any

from quart import Blueprint, g, request
from quart.typing import ResponseReturnValue

from emulator.exchange.mailbox import Folder, Item, Mailbox
from emulator.graph.access import Access
from emulator.graph.errors import GraphError, bad_request
from emulator.graph.query import ITEM_VALUES, filter_of, whole
from emulator.graph.shapes import message_json

DEFAULT_PAGE = 10
MOST_IN_A_PAGE = 1_000
KNOWN = {"$select", "$top", "$filter", "$orderby", "$expand", "changeType", "$skiptoken", "$deltatoken"}
FILTERS = ("receiveddatetime ge ", "receiveddatetime gt ")
PATH = "/users/<user>/mailFolders/<folder>/messages/delta"

Token = dict[str, Any]
"""epoch, folder, after (place in the folder or running number), until (of the round), round, and the first query."""


def add_routes(graph: Blueprint, access: Access) -> None:
    @graph.get(PATH)
    @graph.get(PATH + "()")
    async def messages_delta(user: str, folder: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "read")
        where = access.folder(mailbox, folder)
        token = _read_token(access, where)
        if token is None:
            token = _first_token(access, mailbox, where)
        if token["round"]:
            return _changes(mailbox, where, token)
        return _snapshot(where, token)


def _first_token(access: Access, mailbox: Mailbox, folder: Folder) -> Token:
    args = dict(request.args)
    if unknown := args.keys() - KNOWN:
        raise bad_request(f"The query option {min(unknown)} is not supported by delta.", "ErrorInvalidUrlQuery")
    text = args.get("$filter", "")
    if text and not text.lower().startswith(FILTERS):
        raise bad_request("Delta filters only by receivedDateTime ge or gt.", "ErrorInvalidUrlQueryFilter")
    return {
        "epoch": access.tenant.graph.delta_epoch,
        "folder": folder.id,
        "after": 0,
        "until": mailbox.number,
        "round": 0,
        "select": args.get("$select"),
        "filter": text,
        "changes": args.get("changeType", "created,updated,deleted"),
    }


def _read_token(access: Access, folder: Folder) -> Token | None:
    text = request.args.get("$skiptoken") or request.args.get("$deltatoken")
    if text is None:
        return None
    try:
        token: Token = json.loads(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError) as exc:
        raise bad_request("Badly formed token.", "ErrorInvalidUrlQuery") from exc
    if token["epoch"] != access.tenant.graph.delta_epoch or token["folder"] != folder.id:
        if access.tenant.world.expired_delta == "gone":
            raise GraphError(410, "SyncStateNotFound", "Resync required.", {"Location": request.base_url})
        raise bad_request("The sync state was not found.", "SyncStateNotFound")
    return token


def _snapshot(folder: Folder, token: Token) -> dict[str, Any]:
    """Walk the folder by place, so that what comes or goes between pages neither doubles nor hides an item."""
    rows = [item for item in folder.items if item.number > token["after"]]
    if token["filter"]:
        rows = list(filter(filter_of(token["filter"], ITEM_VALUES), rows))
    size = _page_size()
    page, more = rows[:size], len(rows) > size
    values = [_shown(item, token) for item in page]
    if more:
        return _answer(values, "next", {**token, "after": page[-1].number})
    return _answer(values, "delta", {**token, "round": 1, "after": token["until"]})


def _changes(mailbox: Mailbox, folder: Folder, token: Token) -> dict[str, Any]:
    kinds, size = set(token["changes"].split(",")), _page_size()
    last: int = token["after"]
    since: int = token.get("since", last)
    values: list[dict[str, Any]] = []
    for number, immutable, default in folder.changed_since(last):
        if len(values) == size:
            return _answer(values, "next", {**token, "after": last, "since": since})
        last = number
        item = folder.by_id.get(immutable)
        if item is None:
            if "deleted" in kinds:
                values.append({"id": immutable if g.immutable else default, "@removed": {"reason": "deleted"}})
        elif kinds & {"created" if item.number > since else "updated"}:
            values.append(_shown(item, token))
    now = mailbox.number
    return _answer(values, "delta", {**token, "after": now, "since": now})


def _shown(item: Item, token: Token) -> dict[str, Any]:
    select = frozenset(word.strip() for word in token["select"].split(",")) if token["select"] else None
    return {"@odata.type": "#microsoft.graph.message", **message_json(item, select, immutable=g.immutable)}


def _page_size() -> int:
    for word in g.prefer.split(","):
        if word.startswith("odata.maxpagesize="):
            return max(1, min(MOST_IN_A_PAGE, whole(word.partition("=")[2], DEFAULT_PAGE, "odata.maxpagesize")))
    return max(1, min(MOST_IN_A_PAGE, whole(request.args.get("$top"), DEFAULT_PAGE, "$top")))


def _answer(values: list[dict[str, Any]], kind: str, token: Token) -> dict[str, Any]:
    name = {"next": "$skiptoken", "delta": "$deltatoken"}[kind]
    packed = base64.urlsafe_b64encode(json.dumps(token).encode()).decode()
    base = request.base_url.removesuffix("()")
    return {"value": values, f"@odata.{kind}Link": f"{base}?{name}={packed}"}
