"""Tokens for links and cookies, codes for letters, and what is stored of them."""

import hashlib
import secrets
from hmac import compare_digest

from service.core.limits import CODE_DIGITS
from service.vault.ring import KeyRing
from service.vault.types import Token, TokenHash

TOKEN_BYTES = 32
TOKEN_LONGEST = 64
"""43 characters are ours; longer ones are not looked up."""


def new_token() -> tuple[Token, TokenHash]:
    """Draw 256 random bits; return what stands in the link and what is stored."""
    token = Token(secrets.token_urlsafe(TOKEN_BYTES))
    return token, hash_token(token)


def hash_token(token: str) -> TokenHash:
    """Equality on a hash of 256 random bits leaks nothing useful, so that rows are found by it."""
    return TokenHash(hashlib.sha256(token[: TOKEN_LONGEST + 1].encode("utf-8", "replace")).digest())


def new_code() -> str:
    """Draw a code of six digits."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


def hash_code(ring: KeyRing, row_id: str, code: str) -> bytes:
    """Return the peppered digest of a code, bound to its row: a million guesses need the pepper."""
    return ring.digest("pepper", f"code/{row_id}", code)


def same(left: bytes | str, right: bytes | str) -> bool:
    """Compare in constant time."""
    return compare_digest(
        left.encode("utf-8", "replace") if isinstance(left, str) else left,
        right.encode("utf-8", "replace") if isinstance(right, str) else right,
    )


def csrf_of(session_token: str) -> str:
    """Derive the form proof of a session from its cookie: nothing more to store, useless without the cookie."""
    return hashlib.sha256(b"safemail/v1/csrf\0" + session_token.encode("utf-8", "replace")).hexdigest()
