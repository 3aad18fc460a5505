"""Is this item ours to secure? Read from the header block of the mail itself, before anything of it is stored.

Without this anybody who can mail the intake mailbox could make the state send official notices.
"""

from collections.abc import Sequence
from enum import StrEnum

from service.core.addresses import InsideDomains
from service.core.sheet import Person
from service.mime.addresses import read_addresses
from service.mime.headers import get_all
from service.vault.tokens import same

STAMP_HEADER = "X-Safemail-Intake"
"""Set by the mail-flow rule to `<version of the rules>-<secret>`."""
AUTH_AS_HEADER = "X-MS-Exchange-Organization-AuthAs"
"""Exchange's own word on who sent this; it strips the header from mail that comes from outside."""
TRACE_HEADER = "X-MS-Exchange-Organization-Network-Message-Id"
"""Exchange's id of the mail; no mail from outside can bring it along."""
INTERNAL = "internal"


class NotOurs(StrEnum):
    """Why an item is refused."""

    STAMP = "stamp"
    NOT_AUTHENTICATED = "not_authenticated"
    FROM_OUTSIDE = "from_outside"


def why_refused(
    header: bytes, exchange_from: Person | None, secrets: Sequence[str], inside: InsideDomains
) -> NotOurs | None:
    """Say why the item with this header block is refused, or None. A field that stands twice proves nothing."""
    stamps = get_all(header, STAMP_HEADER)
    if len(stamps) != 1 or not _is_stamped(stamps[0], secrets):
        return NotOurs.STAMP
    if [value.strip().lower() for value in get_all(header, AUTH_AS_HEADER)] != [INTERNAL]:
        return NotOurs.NOT_AUTHENTICATED
    authors = [person for value in get_all(header, "From") for person in read_addresses(value)]
    if exchange_from is not None:
        authors.append(exchange_from)
    if not authors or not all(inside.holds(person.address) for person in authors):
        return NotOurs.FROM_OUTSIDE
    return None


def trace_id(header: bytes) -> str:
    """Return Exchange's own id of the mail, empty where it is missing or stands twice."""
    values = [value.strip().lower() for value in get_all(header, TRACE_HEADER)]
    return values[0][:64] if len(values) == 1 else ""


def _is_stamped(value: str, secrets: Sequence[str]) -> bool:
    """Compare with every secret, each in constant time, whatever the first one says."""
    value = value.strip()
    matches = [
        same(value[-len(secret) :], secret) and value[: -len(secret)].endswith("-") for secret in secrets if secret
    ]
    return any(matches)
