"""The pages of the help centre."""

from quart import Blueprint, render_template
from quart.typing import ResponseReturnValue

pages = Blueprint("help", "service.portal.help")


@pages.get("/help")
async def centre() -> ResponseReturnValue:
    return await render_template("help/centre.html")
