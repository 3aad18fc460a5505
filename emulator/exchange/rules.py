"""Mail-flow rules, obeyed from the same data file that the admin script applies.

Only the parameters that stand here are known; any other stops the start, so that the two cannot part silently.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from emulator.exchange.headers import Header, decode_words

KNOWN: dict[str, type | tuple[str, ...]] = {
    "Priority": int,
    "Enabled": bool,
    "Mode": ("Enforce", "Audit", "AuditAndNotify"),
    "RuleErrorAction": ("Ignore", "Defer"),
    "SenderAddressLocation": ("Header", "Envelope", "HeaderOrEnvelope"),
    "FromScope": ("InOrganization", "NotInOrganization"),
    "SentToScope": ("InOrganization", "NotInOrganization"),
    "SubjectMatchesPatterns": list,
    "HeaderMatchesMessageHeader": str,
    "HeaderMatchesPatterns": list,
    "ExceptIfFrom": list,
    "SetHeaderName": str,
    "SetHeaderValue": str,
    "RedirectMessageTo": list,
    "RejectMessageReasonText": str,
    "StopRuleProcessing": bool,
    "Comments": str,
}
TOGETHER = (
    ("SetHeaderName", "SetHeaderValue"),
    ("HeaderMatchesMessageHeader", "HeaderMatchesPatterns"),
)
RULES_FILE = Path(__file__).parents[2] / "azure" / "exchange" / "mail-flow-rules.json"


class RuleWrong(Exception):
    """The data file holds what this Exchange does not know."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What a rule may look at: the header, who sends, and whether inside."""

    header: Header
    envelope_from: str
    is_inside: bool
    """Authenticated, and the sender a mailbox or in an accepted domain."""

    def senders(self, location: str) -> set[str]:
        named = {one.key for one in self.header.addresses("from")}
        envelope = {self.envelope_from.lower()} - {""}
        return {"Header": named, "Envelope": envelope, "HeaderOrEnvelope": named | envelope}[location]


@dataclass
class Rule:
    """One rule; `is_enabled` may be switched while running."""

    name: str
    priority: int
    mode: Literal["Enforce", "Audit", "AuditAndNotify"]
    on_error: Literal["Ignore", "Defer"]
    is_enabled: bool
    sender_location: str
    from_scope: str | None
    to_scope: str | None
    subject: tuple[re.Pattern[str], ...]
    header_name: str | None
    header: tuple[re.Pattern[str], ...]
    except_from: frozenset[str]
    set_header: tuple[str, str] | None
    redirect_to: tuple[str, ...]
    reject: str | None
    stops: bool

    def matches(self, sending: Sending) -> bool:
        """Judge all but the recipients: every condition holds, and no exception does."""
        if self.from_scope is not None and sending.is_inside != (self.from_scope == "InOrganization"):
            return False
        if self.subject and not _any(self.subject, sending.header.get_all("subject")):
            return False
        if self.header_name and not _any(self.header, sending.header.get_all(self.header_name)):
            return False
        return not (self.except_from & sending.senders(self.sender_location))

    def takes(self, *, recipient_is_inside: bool) -> bool:
        """Judge one recipient: a rule with `SentToScope` acts on these alone."""
        return self.to_scope is None or recipient_is_inside == (self.to_scope == "InOrganization")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The data file as read, before substitution."""

    content: dict[str, Any]

    @classmethod
    def read(cls, path: Path = RULES_FILE) -> "RuleFile":
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("formatVersion") != 1:
            raise RuleWrong("formatVersion must be 1")
        return cls(content)

    @property
    def stamp(self) -> str:
        canonical = json.dumps(self.content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"v1-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"

    def rules(self, values: Mapping[str, str]) -> list[Rule]:
        """Substitute, check and return the rules by priority."""
        given = {**values, "stamp": self.stamp}
        found = [_rule(row["name"], _filled(row["parameters"], given)) for row in self.content["rules"]]
        return sorted(found, key=lambda rule: rule.priority)


def _rule(name: str, given: dict[str, Any]) -> Rule:
    for key, value in given.items():
        known = KNOWN.get(key)
        if known is None:
            raise RuleWrong(f"{name}: this Exchange does not know {key}")
        if value not in known if isinstance(known, tuple) else not isinstance(value, known):
            raise RuleWrong(f"{name}: {key} has a value that this Exchange does not know")
    for one, other in TOGETHER:
        if (one in given) != (other in given):
            raise RuleWrong(f"{name}: {one} and {other} go together")
    if "RedirectMessageTo" in given and "RejectMessageReasonText" in given:
        raise RuleWrong(f"{name}: a rule cannot redirect and reject")
    return Rule(
        name=name,
        priority=given.get("Priority", 0),
        mode=given.get("Mode", "Enforce"),
        on_error=given.get("RuleErrorAction", "Ignore"),
        is_enabled=given.get("Enabled", True),
        sender_location=given.get("SenderAddressLocation", "Header"),
        from_scope=given.get("FromScope"),
        to_scope=given.get("SentToScope"),
        subject=_patterns(given.get("SubjectMatchesPatterns", [])),
        header_name=given.get("HeaderMatchesMessageHeader"),
        header=_patterns(given.get("HeaderMatchesPatterns", [])),
        except_from=frozenset(address.lower() for address in given.get("ExceptIfFrom", [])),
        set_header=(given["SetHeaderName"], given["SetHeaderValue"]) if "SetHeaderName" in given else None,
        redirect_to=tuple(address.lower() for address in given.get("RedirectMessageTo", [])),
        reject=given.get("RejectMessageReasonText"),
        stops=given.get("StopRuleProcessing", False),
    )


def _patterns(given: list[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(one, re.IGNORECASE) for one in given)


def _any(patterns: tuple[re.Pattern[str], ...], values: list[str]) -> bool:
    """Say whether any pattern is found in any value, its encoded words read first."""
    return any(pattern.search(decode_words(value)) for value in values for pattern in patterns)


def _filled(value: Any, given: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, given) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, given) for one in value]
    return (
        re.sub(r"\$\{(\w+)\}", lambda found: _value(found.group(1), given), value) if isinstance(value, str) else value
    )


def _value(name: str, given: Mapping[str, str]) -> str:
    if name not in given:
        raise RuleWrong(f"no value is given for ${{{name}}}")
    return given[name]
