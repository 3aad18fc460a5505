"""The signed-in pages: lists, messages, downloads, replies."""

from service.portal.mailbox import (
    compose,
    details,
    downloads,
    filing,
    leaving,
    lists,
    messages,
    own_folders,
    search,
    texts,
)
from service.portal.mailbox.blueprint import mailbox as blueprint

__all__ = [
    "blueprint",
    "compose",
    "details",
    "downloads",
    "filing",
    "leaving",
    "lists",
    "messages",
    "own_folders",
    "search",
    "texts",
]
