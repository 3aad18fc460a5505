"""What a reader sets for themselves: one page and form for each section."""

from service.portal.preferences import sections
from service.portal.preferences.blueprint import preferences as blueprint

__all__ = ["blueprint", "sections"]
