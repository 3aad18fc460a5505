"""Message trace: one row for each recipient of each mail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["delivered", "failed", "expanded", "pending"]


@dataclass(slots=True)
class TraceRow:
    """What became of one mail for one recipient."""

    id: str
    received: datetime
    sender: str
    recipient: str
    subject: str
    message_id: str
    size: int
    status: Status
    from_ip: str = ""
    to_ip: str = ""
