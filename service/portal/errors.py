"""Every refusal as a page: what happened, why, what to do now. Nothing of the request is shown or logged."""

import uuid
from math import ceil

import structlog
from quart import Quart, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from service.accounts.rates import TooMany
from service.errors import Refused, TooBig, TryAgain
from service.portal import language
from service.portal.dates import size
from service.portal.language import gettext as _
from service.portal.state import portal

log = structlog.get_logger(__name__)
RETRY_SECONDS = 30
PLACES = 4
SIGNED_IN_ONLY = {"mailbox", "preferences"}
SECRETS = ("password", "confirm", "current", "code", "hint", "credential")
"""Pieces of names of fields whose content is never shown again."""


def set_up(app: Quart) -> None:
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(TooBig, over_limit)
    app.register_error_handler(TooMany, slowed)
    app.register_error_handler(Refused, refused)
    app.register_error_handler(TryAgain, busy)
    app.register_error_handler(Exception, failed)


async def http_error(error: HTTPException) -> Response:
    if error.code in {404, 405}:
        return await not_found()
    if error.code == 413:
        return await too_big()
    if error.code == 429:
        return await page(429, _("Too many requests"), _("Too many requests. Wait a minute, then try again."))
    if error.code == 400 and error.description == "stale":
        return await stale()
    if error.code == 400 and error.description == "host":
        return await wrong_address()
    if error.code is None or error.code < 400:  # a redirect of the router
        return Response("", error.get_response().status_code, dict(error.get_response().headers))
    return await page(
        error.code,
        _("That did not work"),
        _("Your browser sent something that we cannot use. Go back and try again."),
    )


async def over_limit(error: TooBig) -> Response:
    del error
    return await too_big()


async def slowed(error: TooMany) -> Response:
    response = await page(
        429,
        _("Too many requests"),
        _("Too many requests. Wait %(seconds)s seconds, then try again.") % {"seconds": ceil(error.seconds)},
    )
    response.headers["Retry-After"] = str(ceil(error.seconds))
    return response


async def refused(error: Refused) -> Response:
    log.info("refused", error=type(error).__name__)
    return await page(
        400, _("That did not work"), _("Your browser sent something that we cannot use. Go back and try again.")
    )


async def busy(error: TryAgain) -> Response:
    log.warning("try again", error=type(error).__name__)
    response = await page(
        503, _("We are busy"), _("Many people are here at once. Wait a moment, then press the button again.")
    )
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


async def not_found() -> Response:
    """One answer for never was, not yours, recalled and past its date."""
    return await page(
        404,
        _("We can’t find this page"),  # noqa: RUF001 - as it is printed
        _("The link may be old, the message may be past its date, or it may be for another address."),
        to_inbox=True,
    )


async def too_big() -> Response:
    return await page(
        413,
        _("That is too big"),
        _("A message can hold %(limit)s with all files. Nothing was sent; your draft is kept.")
        % {"limit": size(portal().settings.message_bytes)},
    )


async def failed(error: Exception) -> Response:
    """Tell them a reference; the log has it with the kind of the error and where it was raised, never what it held."""
    reference = uuid.uuid4().hex[:8]
    log.error("failed", reference=reference, error=type(error).__name__, at=_places(error))
    return await page(
        500,
        _("Something went wrong on our side"),
        _("Your message and draft are safe. Try again in a minute. Reference %(reference)s.")
        % {"reference": reference},
        reference=reference,
    )


async def stale() -> Response:
    """Show what was typed as a form to press again; where that held a secret or a file, the way back."""
    fields = await _typed()
    if fields is None:
        text = _("This page was open too long. Go back, and press the button again.")
    else:
        text = _("This page was open too long. We kept what you typed. Press the button again.")
    return await page(400, _("Press the button again"), text, again=fields)


async def wrong_address() -> Response:
    """Somebody came by another name of this host: say the right one."""
    _settle_language()
    return await page(
        400,
        _("This is not the address of this site"),
        _("Type %(url)s yourself, and check each letter.") % {"url": portal().settings.public_url},
    )


async def page(
    status: int,
    title: str,
    text: str,
    *,
    to_inbox: bool = False,
    reference: str = "",
    again: list[tuple[str, str]] | None = None,
) -> Response:
    _settle_language()
    g.is_refusal = True  # so that the page tells nothing of its address
    html = await render_template(
        "error.html", title=title, text=text, to_inbox=to_inbox, reference=reference, again=again
    )
    return Response(html, status, content_type="text/html; charset=utf-8")


def _settle_language() -> None:
    """Refused before anybody asked for the language, it is what the browser asks for."""
    if getattr(g, "times", None) is None:
        g.reader, g.pre = None, ""
        language.speak(language.negotiate())


async def _typed() -> list[tuple[str, str]] | None:
    """Return what a form of ours held, to be pressed again. It came from a page of ours: its origin was checked."""
    if request.mimetype != "application/x-www-form-urlencoded":
        return None
    if g.reader is None and request.blueprint in SIGNED_IN_ONLY:
        return None  # pressing again would only lead to sign-in
    form = await request.form
    fields = [(name, value) for name, value in form.items(multi=True) if name != "csrf"]
    return None if any(word in name for name, _value in fields for word in SECRETS) else fields


def _places(error: Exception) -> str:
    """Return where it was raised, the innermost places last: names of our functions, never what they held."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_qualname if hasattr(code, 'co_qualname') else code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(places[-PLACES:])
