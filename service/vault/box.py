"""A box: a small secret sealed to a role's public key, for the database.

    box = length of name(1) ‖ name of the ring key ‖ RSA-OAEP of a fresh data key (384) ‖ sealed stream

The context binds the box to its place (table, column, row), so that a box moved to another row does not open.
"""

from service.errors import SealBroken
from service.vault.ring import RSA_BITS, KeyRing
from service.vault.stream import new_data_key, open_sealed, seal
from service.vault.types import DataKey, Sealed

_WRAPPED_BYTES = RSA_BITS // 8


def seal_box(ring: KeyRing, kind: str, place: str, clear: bytes) -> Sealed:
    """Seal to `mailer` or `admin`; `place` is like `outbox/<row id>`. Raises RingBroken."""
    wrapper = ring.wrapper(kind)
    key = new_data_key()
    name = wrapper.name.encode()
    return Sealed(bytes([len(name)]) + name + wrapper.wrap(key) + seal(key, _place(place), clear))


def open_box(ring: KeyRing, place: str, box: bytes) -> bytes:
    """Raises SealBroken, and RingBroken where this role does not hold the key."""
    if not box or len(box) < 1 + box[0] + _WRAPPED_BYTES:
        raise SealBroken
    start = 1 + box[0]
    unwrapper = ring.unwrapper(box[1:start].decode("ascii", "replace"))
    key = DataKey(unwrapper.unwrap(box[start : start + _WRAPPED_BYTES]))
    return open_sealed(key, _place(place), box[start + _WRAPPED_BYTES :])


def _place(place: str) -> bytes:
    return b"safemail/v1/box/" + place.encode()
