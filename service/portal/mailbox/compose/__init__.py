"""Answering, passing on and writing anew: the form, its draft, sending."""

from service.portal.mailbox.compose import routes

__all__ = ["routes"]
