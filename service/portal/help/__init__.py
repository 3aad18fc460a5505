"""Help: a centre of topics, for everybody."""

from service.portal.help.pages import pages as blueprint

__all__ = ["blueprint"]
