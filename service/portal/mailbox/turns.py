"""Heavy work in turns: one text of each reader is cleaned at a time, so that a dozen of one hold up nobody else."""

from contextlib import AbstractAsyncContextManager

from quart import current_app

from service.mailbox.search import SearchGate
from service.portal.mailbox.blueprint import reader

GATE = "safemail.texts"
READERS_AT_ONCE = 64
"""Whose texts may stand in line for the threads that clean them."""


def text_turn() -> AbstractAsyncContextManager[None]:
    """Wait for the reader's turn. Raises TryAgain."""
    gate: SearchGate = current_app.extensions.setdefault(GATE, SearchGate(READERS_AT_ONCE))
    return gate.turn(reader().recipient_id)
