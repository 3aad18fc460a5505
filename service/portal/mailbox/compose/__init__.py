"""Answering, passing on and writing anew: the form, its draft, sending."""

from service.portal.mailbox.compose import people, routes

__all__ = ["people", "routes"]
