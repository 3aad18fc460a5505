"""The pages of the help centre: the cards, each topic, and what is found."""

from collections.abc import Mapping

from quart import Blueprint, abort, g, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.rates import CHECKS, demand
from service.core.folding import QUERY_CHARACTERS
from service.portal.doors.sign_in import network
from service.portal.help.answers import answers
from service.portal.help.real import date_of_notice
from service.portal.help.search import find
from service.portal.help.topics import topics
from service.portal.session import csrf_ok, keeps_what_was_typed
from service.portal.state import portal

pages = Blueprint("help", "service.portal.help", url_prefix="/help")
TYPED = 40
"""Characters of a reference, with what people put between its letters."""
OFTEN = (
    ("sign-in", "forgot"),
    ("read", "how-long"),
    ("reply", "only-state"),
    ("sign-in", "locked"),
    ("reply", "how-big"),
    ("keys", "which-keys"),
)


@pages.get("")
async def centre() -> ResponseReturnValue:
    known = {(one.topic.name, one.id): one for one in await answers()}
    return await render_template("help/centre.html", topics=topics(), often=[known[one] for one in OFTEN])


@pages.get("/search")
async def search() -> ResponseReturnValue:
    query = request.args.get("q", "").strip()[:QUERY_CHARACTERS]
    found = find(await answers(), query)
    return await render_template("help/found.html", topics=topics(), query=query, found=found)


@pages.get("/real")
async def real() -> ResponseReturnValue:
    return await _real({})


@pages.post("/real")
@keeps_what_was_typed
async def real_post() -> ResponseReturnValue:
    """Say of a reference whether we sent a notice with it, and on which day: nothing else."""
    form = await request.form
    typed = form.get("reference", "").strip()[:TYPED]
    if not csrf_ok(form):
        return await _real({"reference": typed, "problem": "stale"}), 400
    if not typed:
        return await _real({"problem": "empty"}), 422
    state = portal()
    async with state.db.writing() as session:
        await demand(session, state.ring, CHECKS, network(), g.now)
    async with state.db.reading() as session:
        sent_at = await date_of_notice(session, typed, g.now)
    return await _real({"reference": typed, "is_checked": True, "sent_at": sent_at})


@pages.get("/<name>")
async def topic(name: str) -> ResponseReturnValue:
    here = next((one for one in topics() if one.name == name), None)
    if here is None:
        abort(404)
    opened = request.args.get("open", here.first)
    return await render_template("help/topic.html", topics=topics(), topic=here, opened=opened)


async def _real(told: Mapping[str, object]) -> str:
    here = next(one for one in topics() if one.name == "real")
    opened = request.args.get("open", "")
    return await render_template("help/real.html", topics=topics(), topic=here, opened=opened, **told)
