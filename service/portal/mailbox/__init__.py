"""The signed-in pages: lists, messages, downloads, replies."""

from service.portal.mailbox import compose, filing, lists, messages, own_folders
from service.portal.mailbox.blueprint import mailbox as blueprint

__all__ = ["blueprint", "compose", "filing", "lists", "messages", "own_folders"]
