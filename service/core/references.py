"""References: eight letters that name a message to people and open nothing."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U. https://www.crockford.com/base32.html"""
LENGTH = 8


def new_reference() -> str:
    """Draw a reference; the database refuses the rare double."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def shown(reference: str) -> str:
    """Split a reference for the eye: 7K4M-2QX9."""
    return f"{reference[:4]}-{reference[4:]}"
