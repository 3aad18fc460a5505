"""Mail folders: list, get, create, rename, delete."""

from typing import Any

from quart import Blueprint, request
from quart.typing import ResponseReturnValue

from emulator.exchange.mailbox import Folder, Mailbox
from emulator.graph.access import Access, read_json
from emulator.graph.errors import GraphError, bad_request
from emulator.graph.query import filter_of, page_of, selected
from emulator.graph.shapes import folder_json

VALUES = {"displayName": lambda folder: folder.name}


def shown(mailbox: Mailbox, folder: Folder) -> dict[str, Any]:
    whole, select = folder_json(mailbox, folder), selected(dict(request.args))
    return whole if select is None else {key: value for key, value in whole.items() if key == "id" or key in select}


def add_routes(graph: Blueprint, access: Access) -> None:
    def listed(mailbox: Mailbox, parent: Folder) -> ResponseReturnValue:
        args = dict(request.args)
        with_hidden = args.get("includeHiddenFolders") == "true"
        rows = [one for one in mailbox.children(parent) if with_hidden or not one.is_hidden]
        if "$filter" in args:
            rows = list(filter(filter_of(args["$filter"], VALUES), rows))
        page = page_of(rows, args, request.base_url)
        found: dict[str, Any] = {"value": [shown(mailbox, one) for one in page.rows]}
        return found | ({"@odata.nextLink": page.next_link} if page.next_link else {})

    async def created(mailbox: Mailbox, parent: Folder) -> ResponseReturnValue:
        name = (await read_json()).get("displayName")
        if not isinstance(name, str) or not name:
            raise bad_request("Folder display name cannot be empty.", "ErrorInvalidRequest")
        if any(one.name.lower() == name.lower() for one in mailbox.children(parent)):
            raise GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists.")
        return folder_json(mailbox, mailbox.add_folder(name, parent)), 201

    @graph.get("/users/<user>/mailFolders")
    async def list_folders(user: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "read")
        return listed(mailbox, mailbox.root)

    @graph.post("/users/<user>/mailFolders")
    async def create_folder(user: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        return await created(mailbox, mailbox.root)

    @graph.get("/users/<user>/mailFolders/<folder>")
    async def get_folder(user: str, folder: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "read")
        return shown(mailbox, access.folder(mailbox, folder))

    @graph.patch("/users/<user>/mailFolders/<folder>")
    async def rename_folder(user: str, folder: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        found = access.folder(mailbox, folder)
        found.name = str((await read_json()).get("displayName") or found.name)
        return folder_json(mailbox, found)

    @graph.delete("/users/<user>/mailFolders/<folder>")
    async def delete_folder(user: str, folder: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        found = access.folder(mailbox, folder)
        if found.well_known:
            raise GraphError(403, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
        for item in found.items:
            mailbox.remove(item)
        del mailbox.folders[found.id]
        return "", 204

    @graph.get("/users/<user>/mailFolders/<folder>/childFolders")
    async def list_children(user: str, folder: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "read")
        return listed(mailbox, access.folder(mailbox, folder))

    @graph.post("/users/<user>/mailFolders/<folder>/childFolders")
    async def create_child(user: str, folder: str) -> ResponseReturnValue:
        mailbox = access.mailbox(user, "write")
        return await created(mailbox, access.folder(mailbox, folder))
