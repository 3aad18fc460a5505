"""File names that are safe to show, to save and to put into a header."""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

from service.mime.surrogates import scrub

NAME_BYTES = 200
"""Leaves room for ` (99)` below the 255 bytes of most file systems."""
_EXTENSION_CHARACTERS = 16
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_EXTENSIONS = {
    "application/gzip": ".gz",
    "application/json": ".json",
    "application/ms-tnef": ".dat",
    "application/msword": ".doc",
    "application/pdf": ".pdf",
    "application/pgp-encrypted": ".txt",
    "application/pgp-signature": ".asc",
    "application/pkcs7-mime": ".p7m",
    "application/x-pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
    "application/rtf": ".rtf",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/x-microsoft-rpmsg-message": ".rpmsg",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "image/bmp": ".bmp",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/tiff": ".tif",
    "image/webp": ".webp",
    "message/global": ".eml",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/css": ".css",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "text/xml": ".xml",
    "video/mp4": ".mp4",
}


def safe_name(raw: str, type_: str, number: int) -> str:
    """Return a name for a file; where nothing of the raw one is left, `attachment-3` with the type's extension."""
    text = unicodedata.normalize("NFC", scrub(raw))
    text = "".join(
        " " if char in "\r\n\t" else char
        for char in text
        if char in "\r\n\t" or unicodedata.category(char) not in _DROPPED
    )
    text = re.split(r"[/\\]", text.rstrip("/\\ "))[-1]
    text = _FORBIDDEN.sub("_", re.sub(r"\s+", " ", text)).strip(" .")
    if not text.strip("_ ."):
        return f"attachment-{number}{_extension(type_)}"
    if _RESERVED.fullmatch(text):
        text = f"_{text}"
    return _shortened(text, NAME_BYTES)


def unique_names(names: Iterable[str]) -> list[str]:
    """Number the doubles: `a.pdf`, `a (2).pdf`; letter case does not tell names apart. Empty names stay empty."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    found: list[str] = []
    for name in names:
        fresh = name
        while fresh and fresh.casefold() in taken:
            counts[name.casefold()] = number = counts.get(name.casefold(), 1) + 1
            stem, extension = split_extension(name)
            fresh = f"{stem} ({number}){extension}"
        taken.add(fresh.casefold())
        found.append(fresh)
    return found


def split_extension(name: str) -> tuple[str, str]:
    """Split `a.pdf` into `a` and `.pdf`; a long tail behind a dot is no extension."""
    stem, dot, extension = name.rpartition(".")
    if not stem or not extension or len(extension) > _EXTENSION_CHARACTERS or " " in extension:
        return name, ""
    return stem, dot + extension


def content_disposition(name: str) -> str:
    """Write the header of a download: `attachment` with the name in ASCII and in full."""
    name = _FORBIDDEN.sub("_", safe_name(name, "", 1))
    stem, extension = (_in_ascii(piece) for piece in split_extension(name))
    plain = (stem.strip() or "attachment") + extension
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _in_ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9 ._()@+,=&!#$~^{}-]", "_", plain)


def _extension(type_: str) -> str:
    is_text = type_.startswith(("text/", "message/"))
    return _EXTENSIONS.get(type_, ".txt" if is_text else ".dat")


def _shortened(name: str, longest: int) -> str:
    if len(name.encode()) <= longest:
        return name
    stem, extension = split_extension(name)
    room = longest - len(extension.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + extension
