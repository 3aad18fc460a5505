"""The doors' blueprint, and the pages that need no sign-in and no form."""

from quart import Blueprint, Response, abort, current_app, g, redirect
from quart.typing import ResponseReturnValue

from service.portal.assets import Assets

doors = Blueprint("doors", __name__)
A_YEAR = 31_536_000


@doors.get("/")
async def home() -> ResponseReturnValue:
    return redirect("/sign-in" if g.reader is None else "/inbox", 303)


@doors.get("/static/<name>")
async def asset(name: str) -> ResponseReturnValue:
    assets: Assets = current_app.extensions["safemail.assets"]
    found = assets.bodies.get(name)
    if found is None:
        abort(404)
    kind, body = found
    return Response(body, content_type=kind, headers={"Cache-Control": f"public, max-age={A_YEAR}, immutable"})


from service.portal.doors import (  # noqa: E402 - they add their pages
    forgotten,  # noqa: F401
    link,  # noqa: F401
    passkey,  # noqa: F401
    password,  # noqa: F401
    register,  # noqa: F401
    reset,  # noqa: F401
    returning,  # noqa: F401
    second_step,  # noqa: F401
    sign_in,  # noqa: F401
)
