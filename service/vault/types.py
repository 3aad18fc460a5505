"""Bytes that must not be swapped."""

from typing import NewType

DataKey = NewType("DataKey", bytes)
"""32 random bytes that seal exactly one kind of thing of one message."""
Sealed = NewType("Sealed", bytes)
"""Bytes that only a key opens."""
Wrapped = NewType("Wrapped", bytes)
"""A key sealed to another key."""
Token = NewType("Token", str)
"""What stands in a link or a cookie; never stored."""
TokenHash = NewType("TokenHash", bytes)
"""SHA-256 of a token; what the database holds."""
