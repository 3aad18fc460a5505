"""A form that comes after its session ended: nothing is done, and nothing of what was typed is lost.

Without script a page does not notice in time. So the answer holds the words in a form of its own; its owner signs in
in another window, comes back and goes on.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec

from quart import g, render_template, request
from quart.typing import ResponseReturnValue

from service.errors import TooBig
from service.portal.mailbox.compose.page import wants_told
from service.portal.mailbox.compose.reading import read_words
from service.portal.mailbox.compose.work import Typed
from service.portal.session import to_sign_in
from service.portal.uploads import BadForm, ClientGone

P = ParamSpec("P")
View = Callable[P, Awaitable[ResponseReturnValue]]


def keeps_words(view: View[P]) -> View[P]:
    """Show who is signed out what they typed; the script, which holds it itself, is told to sign in."""

    @wraps(view)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.reader is None and not wants_told():
            return await _kept()
        return await view(*args, **kwargs)

    return wrapped


async def _kept() -> ResponseReturnValue:
    typed = Typed()
    try:
        await read_words(typed)
    except (BadForm, ClientGone, TooBig):
        return to_sign_in()
    return await keep_words(typed)


async def keep_words(typed: Typed) -> ResponseReturnValue:
    """Answer with the words; whoever's session ended while they came is nobody any more."""
    g.reader = None
    if typed.do == "discard" or wants_told():
        return to_sign_in()
    typed.dropped_files += typed.added
    return await render_template("mailbox/kept.html", typed=typed, action=request.path), 401
