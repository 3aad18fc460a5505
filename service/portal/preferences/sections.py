"""The way to the sections."""

from quart import redirect
from quart.typing import ResponseReturnValue

from service.portal.preferences.blueprint import preferences
from service.portal.session import signed_in


@preferences.get("")
@signed_in
async def first() -> ResponseReturnValue:
    return redirect("/password", 303)
