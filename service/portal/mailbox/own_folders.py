"""The page of a reader's own folders: make, rename, delete. Deleting asks once, and destroys no message."""

import uuid

from quart import abort, g, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue

from service.core.states import Folder
from service.mailbox.own_folders import (
    FOLDERS_MOST,
    NAME_CHARACTERS,
    BadName,
    NameTaken,
    TooManyFolders,
    add_folder,
    delete_folder,
    rename_folder,
)
from service.portal.mailbox.blueprint import mailbox, reader, side
from service.portal.mailbox.rows import read_id
from service.portal.session import signed_in
from service.portal.state import portal

SAID = {"made", "renamed", "deleted"}
TYPED_CHARACTERS = 500


@mailbox.get("/folders")
@signed_in
async def folders() -> str:
    return await _page()


@mailbox.post("/folders")
@signed_in
async def make_folder() -> ResponseReturnValue:
    on = portal()
    name = (await request.form).get("name", "")[:TYPED_CHARACTERS]
    try:
        async with on.db.writing() as session:
            await add_folder(session, on.ring, reader().recipient_id, name, g.now)
    except (BadName, NameTaken, TooManyFolders) as exc:
        return await _page(fault=type(exc).__name__, typed=name), 422
    return redirect(url_for("mailbox.folders", done="made"), 303)


@mailbox.post("/folders/<own>/rename")
@signed_in
async def rename(own: str) -> ResponseReturnValue:
    on, folder_id = portal(), _id(own)
    name = (await request.form).get("name", "")[:TYPED_CHARACTERS]
    try:
        async with on.db.writing() as session:
            found = await rename_folder(session, on.ring, reader().recipient_id, folder_id, name)
    except (BadName, NameTaken) as exc:
        return await _page(fault=type(exc).__name__, typed=name, renaming=own), 422
    if not found:
        abort(404)
    return redirect(url_for("mailbox.folders", done="renamed"), 303)


@mailbox.get("/folders/<own>/delete")
@signed_in
async def ask_delete(own: str) -> str:
    async with portal().db.reading() as session:
        beside = await side(session, Folder.INBOX, _id(own))
    if beside["here_own"] is None:
        abort(404)
    return await render_template("mailbox/own_folder_delete.html", **beside)


@mailbox.post("/folders/<own>/delete")
@signed_in
async def delete(own: str) -> ResponseReturnValue:
    async with portal().db.writing() as session:
        found = await delete_folder(session, reader().recipient_id, _id(own))
    if not found:
        abort(404)
    return redirect(url_for("mailbox.folders", done="deleted"), 303)


async def _page(fault: str = "", typed: str = "", renaming: str = "") -> str:
    async with portal().db.reading() as session:
        beside = await side(session, Folder.INBOX)
    said = request.args.get("done", "") if request.method == "GET" else ""
    return await render_template(
        "mailbox/own_folders.html",
        fault=fault,
        typed=typed,
        renaming=renaming,
        said=said if said in SAID else "",
        most=FOLDERS_MOST,
        longest=NAME_CHARACTERS,
        is_managing=True,
        **beside,
    )


def _id(text: str) -> uuid.UUID:
    return read_id(text) or abort(404)
