"""The blueprint of the preferences, and what its sections have in common."""

from typing import Any

from quart import Blueprint, abort, g, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue

from service.portal.dates import Times
from service.portal.session import Reader

preferences = Blueprint("preferences", "service.portal.preferences", url_prefix="/preferences")
SECTIONS = ("profile", "password", "security", "reading", "notices", "language", "signature", "data")
GUEST_SECTIONS = ("reading", "language", "data")
"""Who has no password has nothing to set in the others."""


def reader() -> Reader:
    """Return who is signed in; only behind `@signed_in`."""
    found: Reader = g.reader
    return found


def times() -> Times:
    """Return how this reader's times are written."""
    found: Times = g.times
    return found


@preferences.before_request
async def keep_guests_out() -> None:
    """A guest's other sections are not there, whatever they hold."""
    section = request.path.split("/")[2] if request.path.count("/") > 1 else ""
    if g.reader is not None and g.reader.is_guest and section and section not in GUEST_SECTIONS:
        abort(404)


async def show(
    section: str, *, template: str = "", errors: dict[str, str] | None = None, stale: bool = False, **values: Any
) -> ResponseReturnValue:
    """Show a section; with `errors` or `stale` it is the answer to a form that was not taken."""
    page = await render_template(
        f"preferences/{template or section}.html",
        section=section,
        sections=GUEST_SECTIONS if reader().is_guest else SECTIONS,
        errors=errors or {},
        stale=stale,
        was_saved=request.args.get("saved") == "1",
        **values,
    )
    return page, 400 if stale else 422 if errors else 200


def saved(section: str) -> ResponseReturnValue:
    """Lead to the section again, to say that it is saved."""
    return redirect(url_for(f"preferences.{section}", saved=1), 303)
