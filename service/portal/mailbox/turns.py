"""Heavy work in turns: one of each kind for each reader at a time, so that a dozen of one hold up nobody else."""

from contextlib import AbstractAsyncContextManager

from quart import current_app

from service.mailbox.search import SearchGate
from service.portal.mailbox.blueprint import reader

GATE, EXPORTS = "safemail.texts", "safemail.exports"
READERS_AT_ONCE = 64
"""Whose texts may stand in line for the threads that clean them; and how many may take all their mail along."""


def text_turn() -> AbstractAsyncContextManager[None]:
    """Wait for the reader's turn to have a text cleaned. Raises TryAgain."""
    return _turn(GATE)


def export_turn() -> AbstractAsyncContextManager[None]:
    """Wait for the reader's turn to take their mail along, as long as it goes out. Raises TryAgain."""
    return _turn(EXPORTS)


def _turn(name: str) -> AbstractAsyncContextManager[None]:
    gate: SearchGate = current_app.extensions.setdefault(name, SearchGate(READERS_AT_ONCE))
    return gate.turn(reader().recipient_id)
