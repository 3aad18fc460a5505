"""What the emulator's pages share: their policy, how they say times, people and sizes, and how they give files."""

from datetime import UTC, datetime

from quart import Blueprint, Response, abort

from emulator.exchange.headers import Address
from emulator.reading import Shown

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'"
)
"""Styles may be inline because people paste them into the editor."""


def add_filters(to: Blueprint) -> None:
    """Make the words below known to every template."""
    for name, function in (("initials", initials), ("when", when), ("person", person), ("size", size)):
        to.add_app_template_filter(function, name)


def send_leaf(shown: Shown, number: int) -> Response:
    """Answer with one file of a mail, always as a download."""
    if number >= len(shown.files):
        abort(404)
    leaf = shown.files[number]
    answer = Response(leaf.content, mimetype="application/octet-stream")
    answer.headers.set("Content-Disposition", "attachment", filename=leaf.name or f"file-{number + 1}")
    return answer


async def guard(answer: Response) -> Response:
    """Give a page its policy, unless it brought one."""
    answer.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    answer.headers.setdefault("Cache-Control", "no-cache")
    return answer


def initials(name: str) -> str:
    """Return up to two letters for a round picture."""
    words = [word for word in name.replace("@", " ").split() if word[:1].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def when(moment: datetime | None) -> str:
    """Say a time shortly, in the machine's zone."""
    if moment is None:
        return ""
    here, today = moment.astimezone(), datetime.now(UTC).astimezone()
    if here.date() == today.date():
        return f"{here:%I:%M %p}".lstrip("0")
    return f"{here:%b} {here.day}" + (f", {here.year}" if here.year != today.year else "")


def person(address: Address | None) -> str:
    """Say a name, or the address where there is none."""
    if address is None:
        return "(unknown)"
    return address.name or address.address or "(unknown)"


def size(count: int) -> str:
    """Say a number of bytes, rounded up."""
    if count < 1_048_576:
        return f"{max(1, -(-count // 1024))} KB"
    return f"{-(-count * 10 // 1_048_576) / 10:g} MB"
