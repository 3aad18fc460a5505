"""OData's query options, as far as mail needs them; what is not known is refused, never ignored."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from emulator.exchange.mailbox import Item
from emulator.graph.errors import bad_request

T = TypeVar("T")
MOST_IN_A_PAGE = 1_000  # Graph: $top between 1 and 1000 for messages; docs, user-list-messages
DEFAULT_PAGE = 10
_CLAUSE = re.compile(r"\s*([\w/]+)\s+(eq|ne|ge|gt|le|lt)\s+('(?:[^']|'')*'|[^\s()]+)\s*$")
_CALL = re.compile(
    r"\s*(contains|startsWith|startswith|endsWith|endswith)\(\s*([\w/]+)\s*,\s*'((?:[^']|'')*)'\s*\)\s*$"
)
_AND = re.compile(r"\s+and\s+(?=(?:[^']*'[^']*')*[^']*$)", re.IGNORECASE)

ITEM_VALUES: dict[str, Callable[[Item], Any]] = {
    "internetMessageId": lambda item: item.internet_message_id,
    "receivedDateTime": lambda item: item.received,
    "sentDateTime": lambda item: item.sent,
    "createdDateTime": lambda item: item.created,
    "lastModifiedDateTime": lambda item: item.modified,
    "isRead": lambda item: item.is_read,
    "isDraft": lambda item: item.is_draft,
    "hasAttachments": lambda item: item.has_attachments,
    "subject": lambda item: item.subject,
    "from/emailAddress/address": lambda item: item.from_.address if item.from_ else "",
    "sender/emailAddress/address": lambda item: item.sender.address if item.sender else "",
    "parentFolderId": lambda item: item.folder.id,
}


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A run of a list and how to go on."""

    rows: list[T]
    next_link: str | None


def filter_of(text: str, values: dict[str, Callable[[T], Any]]) -> Callable[[T], bool]:
    """Read a conjunction of comparisons. Raises GraphError on what is not known."""
    tests = [_test(clause, values) for clause in _AND.split(text.strip())]
    return lambda row: all(test(row) for test in tests)


def order_of(text: str, values: dict[str, Callable[[T], Any]]) -> tuple[Callable[[T], Any], bool]:
    """Read one sort key; true: descending."""
    name, _, direction = text.split(",", maxsplit=1)[0].strip().partition(" ")
    if name not in values or direction.strip().lower() not in {"", "asc", "desc"}:
        raise bad_request(f"The query option $orderby={name} is not known.", "ErrorInvalidUrlQuery")
    return values[name], direction.strip().lower() == "desc"


def page_of(rows: Sequence[T], args: dict[str, str], url: str, *, default: int = DEFAULT_PAGE) -> Page[T]:
    """Cut a page by $top and $skip."""
    top = whole(args.get("$top"), default, "$top")
    skip = whole(args.get("$skip"), 0, "$skip")
    if not 1 <= top <= MOST_IN_A_PAGE:
        raise bad_request("The value of $top must be between 1 and 1000.", "ErrorInvalidUrlQueryFilter")
    cut = list(rows[skip : skip + top])
    if skip + top >= len(rows):
        return Page(cut, None)
    query = {**args, "$top": str(top), "$skip": str(skip + top)}
    return Page(cut, f"{url}?{urlencode(query)}")


def whole(value: str | None, default: int, name: str) -> int:
    if value is None:
        return default
    if not value.isascii() or not value.isdigit():
        raise bad_request(f"The value of {name} is no number.", "ErrorInvalidUrlQuery")
    return int(value)


def selected(args: dict[str, str]) -> frozenset[str] | None:
    text = args.get("$select")
    return frozenset(word.strip() for word in text.split(",") if word.strip()) if text else None


def read_time(value: str) -> datetime | None:
    """Read an ISO time of any number of decimals."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?", value)
    if match is None:
        return None
    minutes, seconds, decimals, zone = match.groups()
    fraction = (decimals or ".0")[1:7].ljust(6, "0")
    text = f"{minutes}{seconds or ':00'}.{fraction}{'+00:00' if zone in {None, 'Z'} else zone}"
    return datetime.fromisoformat(text).astimezone(UTC)


def _test(clause: str, values: dict[str, Callable[[T], Any]]) -> Callable[[T], bool]:
    if call := _CALL.match(clause):
        name, wanted = call.group(2), call.group(3).replace("''", "'").lower()
        value = _known(name, values)
        ways: dict[str, Callable[[str], bool]] = {
            "contains": lambda text: wanted in text,
            "startswith": lambda text: text.startswith(wanted),
            "endswith": lambda text: text.endswith(wanted),
        }
        way = ways[call.group(1).lower()]
        return lambda row: way(str(value(row)).lower())
    match = _CLAUSE.match(clause)
    if match is None:
        raise bad_request("The filter clause is not known.", "ErrorInvalidUrlQueryFilter")
    value = _known(match.group(1), values)
    return _compare(value, match.group(2), _literal(match.group(3)))


def _known(name: str, values: dict[str, Callable[[T], Any]]) -> Callable[[T], Any]:
    if name not in values:
        raise bad_request(f"The property {name} cannot be filtered by.", "ErrorInvalidUrlQueryFilter")
    return values[name]


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text in {"true", "false"}:
        return text == "true"
    when = read_time(text)
    if when is None:
        raise bad_request("The value in the filter is not known.", "ErrorInvalidUrlQueryFilter")
    return when


def _compare(value: Callable[[T], Any], operator: str, wanted: Any) -> Callable[[T], bool]:
    def same(row: T) -> bool:
        found = value(row)
        return (
            found.lower() == wanted.lower() if isinstance(found, str) and isinstance(wanted, str) else found == wanted
        )

    ways: dict[str, Callable[[T], bool]] = {
        "eq": same,
        "ne": lambda row: not same(row),
        "ge": lambda row: value(row) >= wanted,
        "gt": lambda row: value(row) > wanted,
        "le": lambda row: value(row) <= wanted,
        "lt": lambda row: value(row) < wanted,
    }
    return ways[operator]
