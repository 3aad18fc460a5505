"""Mails that Exchange writes itself: non-delivery reports and automatic replies."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from emulator.exchange.headers import Address, Header, encode_words, write_address

POSTMASTER_LOCAL = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one recipient did not get a mail."""

    recipient: str
    status: str
    """Enhanced status code, RFC 3463."""
    reason: str


UNKNOWN = ("5.1.10", "Recipient not found by SMTP address lookup")
TOO_LARGE_TO_SEND = ("5.3.4", "This message is larger than the sender's limit")
TOO_LARGE_TO_RECEIVE = ("5.2.3", "This message is larger than the recipient's limit")
INSIDE_ONLY = ("5.7.133", "Only people inside the organisation may send to this address")
REFUSED_OUTSIDE = ("5.1.1", "The other server refused the recipient")
RULE = "5.7.1"


def postmaster(domain: str) -> Address:
    return Address("Microsoft Outlook", f"{POSTMASTER_LOCAL}@{domain}")


def non_delivery_report(
    sender: str, header: Header, failures: Sequence[Failure], *, domain: str, now: datetime
) -> bytes:
    """Write the report (RFC 3464) about a mail with this header, for its sender."""
    boundary = uuid.uuid4().hex
    original = header.get("message-id")
    lines = [
        f"From: {write_address(postmaster(domain))}",
        f"To: {sender}",
        f"Subject: {encode_words('Undeliverable: ' + header.text('subject'))}".replace("\n", "\r\n"),
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{uuid.uuid4()}@{domain}>",
        *([f"In-Reply-To: {original}", f"References: {original}"] if original else []),
        "Auto-Submitted: auto-replied",
        "X-MS-Exchange-Message-Is-Ndr:",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        "Your message could not be delivered to:",
        *(f"  {one.recipient}: {one.reason}" for one in failures),
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; mail.{domain}",
        "",
    ]
    for one in failures:
        lines += [
            f"Final-Recipient: rfc822; {one.recipient}",
            "Action: failed",
            f"Status: {one.status}",
            f"Diagnostic-Code: smtp; 550 {one.status} {one.reason}",
            "",
        ]
    head = "\r\n".join([*lines, f"--{boundary}", "Content-Type: text/rfc822-headers", "", ""]).encode()
    return head + header.without(["bcc"]).as_bytes() + f"\r\n--{boundary}--\r\n".encode()


def automatic_reply(owner: Address, header: Header, to: str, text: str, *, domain: str, now: datetime) -> bytes:
    original = header.get("message-id")
    lines = [
        f"From: {write_address(owner)}",
        f"To: {to}",
        f"Subject: {encode_words('Automatic reply: ' + header.text('subject'))}".replace("\n", "\r\n"),
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{uuid.uuid4()}@{domain}>",
        *([f"In-Reply-To: {original}", f"References: {original}"] if original else []),
        "Auto-Submitted: auto-replied",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        text,
        "",
    ]
    return "\r\n".join(lines).encode()


def may_be_answered(header: Header, envelope_from: str) -> bool:
    """Say whether an automatic reply may go out: never to reports, letters of programs, or other such replies."""
    suppressed = {word.strip().lower() for word in header.get("x-auto-response-suppress").split(",")}
    return (
        bool(envelope_from) and header.get("auto-submitted").lower() in {"", "no"} and not suppressed & {"all", "oof"}
    )
