"""References: eight letters that name a message to people and open nothing."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U. https://www.crockford.com/base32.html"""
LENGTH = 8
_BETWEEN = "-\u2010\u2011\u2012\u2013\u2014\u2212.·"
LOOK_ALIKES = str.maketrans("OIL", "011")
"""Crockford's base 32 reads these letters as the digits that they look like."""


def new_reference() -> str:
    """Draw a reference; the database refuses the rare double."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def shown(reference: str) -> str:
    """Split a reference for the eye: 7K4M-2QX9."""
    return f"{reference[:4]}-{reference[4:]}"


def read_reference(typed: str) -> str | None:
    """Read what a person typed or copied: any case, with blanks and dashes, O for 0, I and L for 1 (Crockford)."""
    bare = "".join(one for one in typed if not one.isspace() and one not in _BETWEEN)
    read = bare.upper().translate(LOOK_ALIKES)
    return read if bare.isascii() and len(read) == LENGTH and set(read) <= set(ALPHABET) else None
