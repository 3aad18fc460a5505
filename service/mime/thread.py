"""Fields of the top header that are neither addresses nor parts: subject, ids, date, and whether a program wrote it."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

from service.core.text import one_line
from service.mime.addresses import read_addresses
from service.mime.headers import get_all
from service.mime.limits import MESSAGE_ID_BYTES, REFERENCES
from service.mime.words import decode_words

_ID = re.compile(r"<[^<>\s]+>")
_OLDEST_YEAR = 1990
_LATEST_YEAR = 2100
_YEAR = re.compile(r"(?<![\d:+-])(?:19|20)\d\d(?![\d:])")  # the parser makes 2000 of 0
_ZONE_FARTHEST = timedelta(hours=14)
_AHEAD = timedelta(days=2)
_ANSWERS = {"auto-replied", "auto-notified"}
_AUTO_REPLY = {"auto_reply", "auto-reply"}


def read_subject(block: bytes) -> str:
    values = get_all(block, "subject")
    return one_line(decode_words(values[0])) if values else ""


def read_message_id(block: bytes) -> str:
    """Return the first id as it stands: opaque, trimmed; '' where there is none."""
    for value in get_all(block, "message-id"):
        found = one_line(value, MESSAGE_ID_BYTES)
        if found.strip("<> "):
            return found
    return ""


def read_references(block: bytes) -> tuple[str, ...]:
    """Return the thread's ids, oldest first: the first one and the last twenty, each once."""
    text = " ".join(get_all(block, "references") + get_all(block, "in-reply-to"))
    ids = list(dict.fromkeys(found for found in _ID.findall(text) if len(found) <= MESSAGE_ID_BYTES))
    return tuple(ids if len(ids) <= REFERENCES + 1 else [ids[0], *ids[-REFERENCES:]])


def read_date(block: bytes, now: datetime | None = None) -> datetime | None:
    """Return the date in UTC where it can be believed; without a zone it is taken as UTC (RFC 5322 §3.3, -0000)."""
    values = get_all(block, "date")
    if not values:
        return None
    try:
        parsed = parsedate_tz(values[0][:200])
        if parsed is None or not _YEAR.search(values[0]) or not _OLDEST_YEAR <= parsed[0] <= _LATEST_YEAR:
            return None
        zone = timedelta(seconds=parsed[9] or 0)
        if abs(zone) > _ZONE_FARTHEST:
            return None
        second = min(parsed[5], 59)  # a leap second
        found = datetime(parsed[0], parsed[1], parsed[2], parsed[3], parsed[4], second, tzinfo=UTC) - zone
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None
    return None if now is not None and found > now + _AHEAD else found


def is_automatic(block: bytes) -> bool:
    """Say whether a program wrote this as an answer: such mail gets no receipt, or two programs might go on for ever.

    An out-of-office note, a read confirmation or a bounce (RFC 3834 §5, RFC 8098 §3). What a program of the state
    sends of itself (`auto-generated`, bulk, lists) is confirmed to its mailbox like any other mail.
    """

    def values(name: str) -> list[str]:
        return [value.strip().lower() for value in get_all(block, name)]

    return (
        any(value.partition(";")[0].strip() in _ANSWERS for value in values("auto-submitted"))
        or any(value in _AUTO_REPLY for value in values("precedence"))
        or any(value == "<>" for value in values("return-path"))
        or any(
            value.startswith("multipart/report") and "disposition-notification" in value
            for value in values("content-type")
        )
        or any(
            person.address.partition("@")[0].lower() == "mailer-daemon"
            for value in get_all(block, "from")
            for person in read_addresses(value)
        )
    )
