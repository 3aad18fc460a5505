"""Bind what a row says about its owner to a key of the ring, so that a writer to the database cannot make it up."""

from datetime import UTC, datetime

from service.vault.ring import KeyRing
from service.vault.tokens import same


def bind(ring: KeyRing, key: str, what: str, *fields: bytes) -> bytes:
    """Return the keyed digest of a row's fields, in their order.

    Args:
        key: name of the ring's key: `pepper` (portal) or `index` (portal, sync, admin).
        what: kind of row and meaning of the fields: one text never stands for two kinds.
    """
    return ring.digest(key, f"bound/{what}", ".".join(field.hex() for field in fields))


def is_bound(ring: KeyRing, key: str, bound: bytes | None, what: str, *fields: bytes) -> bool:
    """Say whether a row's digest is the one of these fields."""
    return bound is not None and same(bound, bind(ring, key, what, *fields))


def moment(at: datetime | None) -> bytes:
    """Return a time as it is bound: UTC, to the microsecond, as both databases give it back; none is empty."""
    if at is None:
        return b""
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds").encode()
