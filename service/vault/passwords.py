"""Passwords: argon2id, then an HMAC with the pepper, so that the database alone cannot be guessed against.

    stored = argon2id-owner $ KiB $ passes $ lanes $ salt $ HMAC(pepper, account id ‖ argon2id of the password)

The account's id is in it, so that what is stored lets nobody into another account. What release 0.1.0 stored
(`argon2id-hmac`) named no account and is refused; nobody had deployed it.
"""

import base64
import secrets
import unicodedata
import uuid
from dataclasses import dataclass

from argon2 import Type
from argon2.low_level import hash_secret_raw

from service.vault.ring import KeyRing
from service.vault.tokens import same

MEMORY_KIB, TIME, LANES = 19_456, 2, 1
"""OWASP Password Storage Cheat Sheet's floor for argon2id; ~20 ms on a server core."""
_SALT_BYTES, _HASH_BYTES = 16, 32
_LONGEST_STORED = 512
_SCHEME = "argon2id-owner"


@dataclass(frozen=True, slots=True)
class Cost:
    """argon2id parameters; tests take the cheapest."""

    memory_kib: int = MEMORY_KIB
    time: int = TIME
    lanes: int = LANES


def hash_password(ring: KeyRing, password: str, owner: uuid.UUID, cost: Cost) -> str:
    """Return what is stored of an account's password. Takes ~20 ms of one core: call it in a thread."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return _stored(ring, password, owner, cost, salt)


def is_password(ring: KeyRing, password: str, owner: uuid.UUID, stored: str) -> bool:
    """Say whether this is the password of that account. Takes as long as hashing it."""
    try:
        scheme, memory, time, lanes, salt, _ = stored[:_LONGEST_STORED].split("$")
        cost = Cost(int(memory), int(time), int(lanes))
        raw_salt = base64.b64decode(salt, validate=True)
    except ValueError:
        return False
    return scheme == _SCHEME and same(_stored(ring, password, owner, cost, raw_salt), stored)


def needs_rehash(stored: str, cost: Cost) -> bool:
    """Say whether a stored password was made with other parameters than today's."""
    return stored.split("$")[1:4] != [str(cost.memory_kib), str(cost.time), str(cost.lanes)]


def _stored(ring: KeyRing, password: str, owner: uuid.UUID, cost: Cost, salt: bytes) -> str:
    raw = hash_secret_raw(
        unicodedata.normalize("NFKC", password).encode("utf-8", "replace"),
        salt,
        time_cost=cost.time,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=_HASH_BYTES,
        type=Type.ID,
    )
    peppered = ring.digest("pepper", f"password/{owner.hex}", raw.hex())
    encoded = (base64.b64encode(part).decode() for part in (salt, peppered))
    return "$".join((_SCHEME, str(cost.memory_kib), str(cost.time), str(cost.lanes), *encoded))
