"""What each row that lets somebody in says about its owner, bound to the portal's pepper.

Whoever can write to the database, and holds no key, can neither make such a row nor move one to another account. What
they can still do is put an old row back as it was.
"""

from service.db.tables import Challenge, Code, Device, Passkey, Reset, Session
from service.vault.binding import bind, is_bound, moment
from service.vault.ring import KeyRing

Bound = Session | Device | Code | Reset | Passkey | Challenge
_KEY = "pepper"


def bind_row(ring: KeyRing, row: Bound) -> None:
    """Bind a row to its owner; call it again after each change of a field that counts."""
    what, fields = _fields(row)
    row.bound = bind(ring, _KEY, what, *fields)


def is_row_bound(ring: KeyRing, row: Bound) -> bool:
    """Say whether the portal itself wrote what this row says about its owner."""
    what, fields = _fields(row)
    return is_bound(ring, _KEY, row.bound, what, *fields)


def _fields(row: Bound) -> tuple[str, tuple[bytes, ...]]:
    match row:
        case Session():
            times = moment(row.created_at), moment(row.proven_at)
            return "session", (row.token_hash, row.account_id.bytes, *times)
        case Device():
            return "device", (row.token_hash, row.account_id.bytes)
        case Code():
            whose = row.recipient_id.bytes, row.delivery_id.bytes
            return "code", (row.flow_hash, *whose, moment(row.proven_at))
        case Reset():
            return "reset", (row.token_hash, row.account_id.bytes, moment(row.expires_at))
        case Passkey():
            return "passkey", (row.credential_id, row.account_id.bytes, row.public_key)
        case Challenge():
            owner = row.account_id.bytes if row.account_id else b""
            fields = row.token_hash, owner, row.content or b"", moment(row.expires_at)
            return "challenge", (row.step.value.encode(), *fields)
