"""How files look in the list of a message: icon, kind in words, and warnings."""

from service.mailbox.pictures import PICTURE_BYTES, PREVIEW_EXTENSIONS
from service.mime.names import split_extension

_KINDS = {
    "file-pdf": ("pdf",),
    "file-image": ("png", "jpg", "jpeg", "gif", "webp", "tif", "tiff", "bmp", "heic", "svg"),
    "file-sheet": ("xls", "xlsx", "xlsm", "ods", "csv"),
}
_ICONS = {extension: icon for icon, extensions in _KINDS.items() for extension in extensions}
WORDS = {
    "pdf": "PDF",
    "doc": "Word",
    "docx": "Word",
    "xls": "Excel",
    "xlsx": "Excel",
    "ppt": "PowerPoint",
    "pptx": "PowerPoint",
    "eml": "EML",
}
PROGRAMS = frozenset(
    """app bat cmd com cpl exe hta inf ins iso jar js jse lnk msc msi msp pif ps1 reg scf scr sct sh url vb vbe vbs
    wsf wsh xll""".split()  # noqa: SIM905 - read as words
)
"""May run on the reader's machine when opened: the page says so."""
SERVED_TYPES = frozenset(
    {
        "application/pdf",
        "application/zip",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "text/plain",
        "text/csv",
        "text/calendar",
    }
)
"""Types that a download may carry; all else goes as application/octet-stream."""


def extension_of(name: str) -> str:
    return split_extension(name)[1].lstrip(".").lower()


def icon_of(name: str) -> str:
    return _ICONS.get(extension_of(name), "file")


def kind_of(name: str) -> str:
    """Return the kind in a word or two; empty where the name does not say."""
    extension = extension_of(name)
    return WORDS.get(extension, extension.upper())


def is_program(name: str) -> bool:
    return extension_of(name) in PROGRAMS


def may_be_picture(name: str, size: int) -> bool:
    return extension_of(name) in PREVIEW_EXTENSIONS and 0 < size <= PICTURE_BYTES


def served_type(type_: str) -> str:
    return type_ if type_ in SERVED_TYPES else "application/octet-stream"
