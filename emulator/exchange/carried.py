"""A mail on its way, and the header fields that only Exchange writes."""

from dataclasses import dataclass

from emulator.exchange.headers import Header

FIREWALL = "x-ms-exchange-organization-"
"""Header fields that Exchange alone may write: taken from what comes in, and from what goes out."""
NETWORK_ID = "X-MS-Exchange-Organization-Network-Message-Id"
INTERNAL = (
    ("X-MS-Exchange-Organization-AuthAs", "Internal"),
    ("X-MS-Exchange-Organization-AuthMechanism", "04"),
    ("X-MS-Exchange-Organization-SCL", "-1"),
)
ANONYMOUS = (("X-MS-Exchange-Organization-AuthAs", "Anonymous"), ("X-MS-Exchange-Organization-SCL", "1"))


@dataclass(frozen=True, slots=True)
class Copy:
    """One mail on its way, for some of its recipients."""

    header: Header
    rest: bytes
    envelope_from: str
    recipients: tuple[str, ...]
    is_inside: bool
    network_id: str
    is_stopped: bool = False

    @property
    def size(self) -> int:
        return len(self.header.as_bytes()) + len(self.rest)
