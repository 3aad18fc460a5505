"""How the blob store is read by those who open."""

from collections.abc import Awaitable, Callable

ReadRange = Callable[[int, int], Awaitable[bytes]]
"""Reads `length` sealed bytes from `offset` of one blob; fewer at its end."""
