"""The files of a message: one by one, all as one ZIP, the mail as it came, and pictures to look at."""

import re
from collections.abc import AsyncIterator
from functools import partial

from quart import Response, abort, make_response, render_template

from service.core.sheet import Part, Sheet
from service.core.text import one_line
from service.mailbox.archive import Archive, Member
from service.mailbox.opening import Content
from service.mailbox.pictures import HEAD_BYTES, PICTURE_BYTES, Picture, read_picture
from service.mime.names import content_disposition, unique_names
from service.portal.mailbox.blueprint import mailbox, open_message, reader, side_of
from service.portal.mailbox.files import served_type
from service.portal.mailbox.rows import File, file_name, find_file, list_files
from service.portal.session import signed_in
from service.portal.state import portal

DOWNLOAD_POLICY = "sandbox; default-src 'none'"
"""A file that a browser shows all the same may do nothing there."""


@mailbox.get("/m/<delivery>/file/<int:number>")
@signed_in
async def file(delivery: str, number: int) -> Response:
    opened, content = await open_message(delivery)
    part = find_file(opened.sheet, number)
    if part is None:
        abort(404)
    return await _download(content.open_part(part), file_name(part), served_type(part.type), part.size)


@mailbox.get("/m/<delivery>/file/<int:number>/preview")
@signed_in
async def preview(delivery: str, number: int) -> str:
    """Show a picture in a page of ours, or say why not."""
    opened, content = await open_message(delivery)
    part = find_file(opened.sheet, number)
    if part is None:
        abort(404)
    async with portal().db.reading() as session:
        beside = await side_of(session, opened.delivery)
    shown, hidden = list_files(opened.sheet)
    pictures = [one for one in shown if one.is_picture]
    newer, older = _beside(pictures, number)
    return await render_template(
        "mailbox/preview.html",
        id=opened.delivery.id.hex,
        sheet=opened.sheet,
        file=next(one for one in (*shown, *hidden) if one.number == number),
        picture=await _look(content, part),
        newer=newer,
        older=older,
        **beside,
    )


@mailbox.get("/m/<delivery>/file/<int:number>/picture")
@signed_in
async def picture(delivery: str, number: int) -> Response:
    """Give out a picture to be shown in its page; what is none by its own bytes is not there."""
    opened, content = await open_message(delivery)
    part = find_file(opened.sheet, number)
    seen = await _look(content, part) if part is not None else None
    if part is None or seen is None:
        abort(404)
    return await _download(content.open_part(part), file_name(part), seen.type, part.size, inline=True)


@mailbox.get("/m/<delivery>/message.eml")
@signed_in
async def source(delivery: str) -> Response:
    opened, content = await open_message(delivery)
    if not opened.sheet.source_length:
        abort(404)
    name = _file_stem(opened.sheet)
    return await _download(content.open_source(), f"{name}.eml", "application/octet-stream", opened.sheet.source_length)


@mailbox.get("/m/<delivery>/files.zip")
@signed_in
async def all_files(delivery: str) -> Response:
    opened, content = await open_message(delivery)
    shown, _hidden = list_files(opened.sheet)
    if len(shown) < 2:
        abort(404)
    numbers = {file.number for file in shown}
    parts = [part for part in opened.sheet.parts if part.number in numbers]
    names = unique_names(file_name(part) for part in parts)
    members = [
        Member(name, part.size, partial(content.open_part, part)) for name, part in zip(names, parts, strict=True)
    ]
    archive = Archive(members, opened.sheet.sent_at.astimezone(reader().zone))
    await archive.prepare()
    return await _download(archive.stream(), f"{_file_stem(opened.sheet)}.zip", "application/zip", archive.length)


async def _look(content: Content, part: Part) -> Picture | None:
    if part.size > PICTURE_BYTES:
        return None
    return read_picture(await content.read_part(part, HEAD_BYTES))


def _beside(pictures: list[File], number: int) -> tuple[int | None, int | None]:
    """Return the picture before and the one behind."""
    numbers = [one.number for one in pictures]
    if number not in numbers:
        return None, None
    at = numbers.index(number)
    return numbers[at - 1] if at else None, numbers[at + 1] if at + 1 < len(numbers) else None


def _file_stem(sheet: Sheet) -> str:
    return re.sub(r"[/\\]", "_", one_line(sheet.subject, 80)) or "message"


async def _download(
    pieces: AsyncIterator[bytes], name: str, type_: str, size: int, *, inline: bool = False
) -> Response:
    """Answer with a file as it opens. What breaks on the way breaks the connection: a cut file must not look whole."""
    first = await anext(pieces, b"")

    async def all_pieces() -> AsyncIterator[bytes]:
        if first:
            yield first
        async for piece in pieces:
            yield piece

    response = await make_response(all_pieces())
    assert isinstance(response, Response)
    response.timeout = None  # a slow line is no fault
    disposition = content_disposition(name)
    response.headers.update(
        {
            "Content-Type": type_,
            "Content-Disposition": disposition.replace("attachment", "inline", 1) if inline else disposition,
            "Content-Length": str(size),
            "Content-Security-Policy": DOWNLOAD_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
    )
    return response
