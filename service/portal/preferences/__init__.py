"""What a reader sets for themselves: one page and form for each section."""

from service.portal.preferences import (
    choices,
    data,
    language,
    password,
    sections,
    security,
    security_authenticator,
    security_passkeys,
)
from service.portal.preferences.blueprint import preferences as blueprint

__all__ = [
    "blueprint",
    "choices",
    "data",
    "language",
    "password",
    "sections",
    "security",
    "security_authenticator",
    "security_passkeys",
]
