"""For the script: each address judged as it is typed, and the people whom the reader knows."""

import asyncio
from datetime import timedelta

from quart import abort, g, jsonify, request
from quart.typing import ResponseReturnValue

from service.accounts.rates import Limit, allow
from service.mailbox.acquaintances import list_acquaintances, people_in
from service.mailbox.addressees import FIELD_CHARACTERS, check_people, read_people, written
from service.portal.mailbox.blueprint import mailbox, reader
from service.portal.mailbox.compose.refusals import why
from service.portal.session import signed_in
from service.portal.state import portal

CHECKED_MOST = 100
CHECKS = Limit("compose-checks", 300, timedelta(minutes=10))
"""Of one account: whoever types gets nowhere near."""
LOOKS = Limit("compose-people", 30, timedelta(minutes=10))


@mailbox.post("/compose/addresses")
@signed_in
async def addresses() -> ResponseReturnValue:
    """Judge what was typed into To or Cc; the form judges it again when it is sent."""
    await _bound(CHECKS)
    settings = portal().settings
    text = (await request.form).get("people", "")[:FIELD_CHARACTERS]
    people = read_people(text)[:CHECKED_MOST]
    judged = []
    for person in people:
        refused = check_people((person,), settings.inside, settings.own_mailboxes)
        told = {"name": person.name, "address": person.address, "text": written((person,))}
        judged.append(told | ({"why": list(why(refused[0]))} if refused else {}))
    return jsonify(people=judged)


@mailbox.post("/compose/people")
@signed_in
async def people() -> ResponseReturnValue:
    """List who inside wrote to the reader, or was written to together with them."""
    await _bound(LOOKS)
    on, who = portal(), reader()
    async with on.db.reading() as session:
        deliveries = await list_acquaintances(session, who.recipient_id, g.now)
    ours = on.settings.own_mailboxes
    found = await asyncio.to_thread(people_in, on.ring, who.key, deliveries, on.settings.inside, ours)
    return jsonify(people=[{"name": one.name, "address": one.address, "text": written((one,))} for one in found])


async def _bound(limit: Limit) -> None:
    on = portal()
    async with on.db.writing() as session:
        is_allowed = await allow(session, on.ring, limit, reader().account_id.hex, g.now)
    if not is_allowed:
        abort(429)
