"""What a compose window posts, read in memory: no part of it touches a disk."""

from dataclasses import dataclass, field
from email.utils import getaddresses
from io import BytesIO

from multipart import MultipartError, MultipartParser, parse_options_header
from quart import Request

from emulator.outlook.compose import File

IN_MEMORY_BYTES = 512 * 1_048_576


class FormWrong(Exception):
    """The form cannot be read, or names nobody; the message is for the person."""


@dataclass(slots=True)
class Form:
    """Fields by name, and the files."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    def people(self, name: str) -> list[tuple[str, str]]:
        """Read one address field; `;` and `,` both part addresses. Raises FormWrong."""
        value = self.get(name).replace(";", ",").strip(" ,")
        if not value:
            return []
        found = [(label.strip(), address.strip()) for label, address in getaddresses([value])]
        for _, address in found:
            local, at, domain = address.rpartition("@")
            if not (local and at and domain and " " not in address and address.isprintable()):
                raise FormWrong("One of the addresses cannot be read.")
        return found


async def read_body(request: Request) -> bytes:
    """Read all of a request's body, in memory."""
    content = await request.get_data(cache=False)
    assert isinstance(content, bytes)  # text only where asked for
    return content


async def read_form(request: Request) -> Form:
    """Read `multipart/form-data`. Raises FormWrong."""
    kind, options = parse_options_header(request.headers.get("Content-Type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise FormWrong("This is not the form of a compose window.")
    content = await read_body(request)
    form = Form()
    parser = MultipartParser(
        BytesIO(content), options["boundary"], spool_limit=IN_MEMORY_BYTES, memory_limit=IN_MEMORY_BYTES, disk_limit=0
    )
    try:
        for part in parser:
            if part.filename:
                name = part.filename.replace("\\", "/").rpartition("/")[2]
                form.files.append(File(name, part.content_type or "application/octet-stream", part.raw))
            elif part.filename is None:
                form.fields[part.name] = part.value
            part.close()
    except MultipartError as exc:
        raise FormWrong("The form arrived broken.") from exc
    return form
