"""Delivery reports (RFC 3464) as they come to the mailers: which of our mails, and whom it did not reach."""

import re
import uuid
from dataclasses import dataclass

from graph_sync.doubt import ROW_HEADER
from service.mime.headers import get_all

_PART = re.compile(rb"^Content-Type:\s*message/(?:global-)?delivery-status\b", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n")
_BOUNDARY = re.compile(rb"^--", re.MULTILINE)
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_FAILED = "failed"
RECIPIENTS = 500
"""Of one report; Exchange takes 500 recipients of a mail by default."""


@dataclass(frozen=True, slots=True)
class Unreached:
    """One recipient that a mail did not reach, by all the names that the report gives them."""

    addresses: tuple[str, ...]
    status: str
    """RFC 3463, empty where it is none."""


@dataclass(frozen=True, slots=True)
class Report:
    row_id: uuid.UUID
    """Of the outbox row whose mail came back."""
    unreached: tuple[Unreached, ...]
    is_end: bool = True
    """It says of somebody that they were not reached, or says nothing that we can read: a delay is no end."""


def is_report(header: bytes) -> bool:
    """RFC 3464: multipart/report, of kind delivery-status."""
    values = [value.lower() for value in get_all(header, "Content-Type")]
    return any(value.startswith("multipart/report") and "delivery-status" in value for value in values)


def read_report(text: bytes, host: str) -> Report | None:
    """Read what stands below a report's own header; None where it is about no mail of ours."""
    ours = re.compile(
        rb"^(?:Message-ID:\s*<([0-9a-f]{32})@" + re.escape(host.encode("ascii")) + rb">"
        rb"|" + ROW_HEADER.encode("ascii") + rb":\s*([0-9a-f]{32})\s*$)",
        re.IGNORECASE | re.MULTILINE,
    )
    match = ours.search(text)
    if match is None:
        return None
    groups = _groups(text)
    actions = {action for group in groups for action in _actions(group)}
    unreached = tuple(found for group in groups if (found := _group(group)) is not None)
    return Report(uuid.UUID((match[1] or match[2]).decode("ascii")), unreached, not actions or _FAILED in actions)


def _groups(text: bytes) -> list[bytes]:
    """Return the groups of fields, the first of which is about the report itself."""
    part = _PART.search(text)
    if part is None or (top := _BLANK.search(text, part.end())) is None:
        return []
    end = _BOUNDARY.search(text, top.end())
    groups = _BLANK.split(text[top.end() : end.start() if end else len(text)], RECIPIENTS)
    return [group + b"\r\n" for group in groups]


def _actions(fields: bytes) -> list[str]:
    return [value.strip().lower() for value in get_all(fields, "Action")]


def _group(fields: bytes) -> Unreached | None:
    """Read a group that says *failed*."""
    if _FAILED not in _actions(fields):
        return None
    named = (*get_all(fields, "Original-Recipient"), *get_all(fields, "Final-Recipient"))
    addresses = tuple(dict.fromkeys(value.partition(";")[2].strip().strip("<>") for value in named))
    status = _STATUS.match(" ".join(get_all(fields, "Status")).strip())
    return Unreached(addresses, status[0] if status else "") if any(addresses) else None
