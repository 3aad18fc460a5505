"""Named places on the mail's way where the process may die: nothing happens here.

The kill tests run the role in a child process whose `checkpoint` ends it at one of these names.
"""

from collections.abc import Callable

NAMES = (
    "listed",
    "claimed",
    "blob-written",
    "committed",
    "moved",
    "drafting",
    "drafted",
    "complete",
    "sending",
    "sent",
)
HOOK_NAMES = ("notified", "woken")
"""The same in the webhook: before the wake row is written, and before Graph is told so."""


def _go_on(name: str) -> None:
    del name


reached: Callable[[str], None] = _go_on


def checkpoint(name: str) -> None:
    """Pass a place of `NAMES` or `HOOK_NAMES`."""
    reached(name)
