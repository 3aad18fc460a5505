"""The transport: what is sent passes the rules, is split by recipient, and lands inside, outside or as a report."""

import asyncio
import base64
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random

from emulator.exchange.carried import ANONYMOUS, FIREWALL, INTERNAL, NETWORK_ID, Copy
from emulator.exchange.headers import Header, encode_words, split_mail, write_address
from emulator.exchange.mailbox import Change, Folder, Item, Listener, Mailbox
from emulator.exchange.outside import OutsideMail, OutsideMailbox
from emulator.exchange.reports import (
    INSIDE_ONLY,
    REFUSED_OUTSIDE,
    RULE,
    TOO_LARGE_TO_RECEIVE,
    TOO_LARGE_TO_SEND,
    UNKNOWN,
    Failure,
    automatic_reply,
    may_be_answered,
    non_delivery_report,
)
from emulator.exchange.rules import Rule, Sending
from emulator.exchange.trace import Status, TraceRow
from emulator.world import World


@dataclass
class Exchange:
    """All mailboxes, and the way between them."""

    world: World
    rules: list[Rule] = field(default_factory=list)
    accepted_domains: set[str] = field(default_factory=set)
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    outside: dict[str, OutsideMailbox] = field(default_factory=dict)
    trace: list[TraceRow] = field(default_factory=list)
    on_change: list[Listener] = field(default_factory=list)
    deferred: list[Copy] = field(default_factory=list)
    """Mail that waits because a rule with `Defer` could not be evaluated."""
    audited: list[str] = field(default_factory=list)
    """Names of rules in audit mode that would have acted."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        self.random = Random(self.world.seed)

    def add_mailbox(
        self,
        address: str,
        name: str,
        *,
        max_send: int | None = None,
        max_receive: int | None = None,
        in_app_scope: bool | None = None,
        inside_only: bool | None = None,
    ) -> Mailbox:
        """Add a mailbox, or change the one that is there; None leaves the world's default or what was set."""
        key = address.lower()
        found = self.mailboxes.get(key)
        if found is None:
            limits = {"max_send": self.world.max_send_bytes, "max_receive": self.world.max_receive_bytes}
            found = self.mailboxes[key] = Mailbox(address, name, self.random, **limits)
            found.listener = self._changed
            self.accepted_domains.add(key.rpartition("@")[2])
        found.name = name
        found.max_send = max_send or found.max_send
        found.max_receive = max_receive or found.max_receive
        found.in_app_scope = found.in_app_scope if in_app_scope is None else in_app_scope
        found.inside_only = found.inside_only if inside_only is None else inside_only
        return found

    def is_inside(self, address: str) -> bool:
        return address.lower().rpartition("@")[2] in self.accepted_domains

    def outside_mailbox(self, address: str) -> OutsideMailbox:
        return self.outside.setdefault(address.lower(), OutsideMailbox(address.lower()))

    def user(self, name_or_id: str) -> Mailbox | None:
        """Find a mailbox by address or by the id of its user."""
        found = self.mailboxes.get(name_or_id.lower())
        return found or next((one for one in self.mailboxes.values() if one.user_id == name_or_id), None)

    async def submit(self, sender: str, mime: bytes, recipients: Iterable[str] | None = None) -> Item:
        """Send as Outlook does: keep a copy with Bcc in Sent Items, and hand the mail to the transport.

        Recipients that no field names are blind copies. Raises KeyError where the sender has no mailbox.
        """
        mailbox = self.mailboxes[sender.lower()]
        item = mailbox.new_item(self.outgoing(mailbox, *split_mail(mime)), now=self.clock(), is_read=True)
        if recipients is not None:
            self._name_blind(item, recipients)
        wanted = item.recipients if recipients is None else list(dict.fromkeys(one.lower() for one in recipients))
        mailbox.place(item, mailbox.folder("sentitems"))
        await self.transport(mailbox, item, wanted)
        return item

    async def send_item(self, mailbox: Mailbox, item: Item, *, save: bool = True) -> None:
        """Send a draft, or a new item that lies nowhere: it becomes the copy in Sent Items, if one is to be kept."""
        header, rest = self.outgoing(mailbox, item.header, item.rest)
        lies = item.is_draft and mailbox.item(item.immutable_id) is item
        if not self.world.send_keeps_message_id:
            header = header.replace("Message-ID", self.new_message_id())
        item.is_draft, item.is_read = False, True
        item.rewrite(header, rest)
        item.received = item.sent = self.clock().replace(microsecond=0)
        if lies:
            self._leave_drafts(mailbox, item, save=save)
        elif save:
            mailbox.place(item, mailbox.folder("sentitems"))
        await self.transport(mailbox, item, item.recipients)

    def outgoing(self, mailbox: Mailbox, header: Header, rest: bytes) -> tuple[Header, bytes]:
        """Write the header as Exchange does for a sender: From is the mailbox's own, ids and date are there."""
        header = header.without(["sender", "return-path"], prefix=FIREWALL)
        owner = write_address(mailbox.owner)
        if [one.key for one in header.addresses("from")] != [mailbox.address.lower()] or header.get("from") != owner:
            header = header.replace("From", owner)
        if not header.get("date"):
            header = header.on_top(("Date", format_datetime(self.clock())))
        if not header.get("message-id"):
            header = header.on_top(("Message-ID", self.new_message_id()))
        return header, rest

    async def transport(self, mailbox: Mailbox, item: Item, recipients: Sequence[str]) -> None:
        """Carry a sent item to its recipients; what fails comes back as a report."""
        header = item.header.without(["bcc"]).on_top(self._received(mailbox.address), *INTERNAL)
        copy = Copy(header, item.rest, mailbox.address, tuple(recipients), is_inside=True, network_id=str(uuid.uuid4()))
        if item.size > mailbox.max_send:
            self._fail(copy, [Failure(one, *TOO_LARGE_TO_SEND) for one in recipients])
            return
        self._carry(copy)
        await asyncio.sleep(0)

    async def receive_from_outside(self, envelope_from: str, recipients: Iterable[str], mime: bytes) -> None:
        """Take mail over SMTP from the internet; a report, where one is due, goes to the outside sender."""
        header, rest = split_mail(mime)
        received = self._received(envelope_from.rpartition("@")[2] or "unknown")
        header = header.without(["return-path", "bcc"], prefix=FIREWALL).on_top(received, *ANONYMOUS)
        wanted = tuple(dict.fromkeys(one.lower() for one in recipients))
        self._carry(Copy(header, rest, envelope_from, wanted, is_inside=False, network_id=str(uuid.uuid4())))
        await asyncio.sleep(0)

    async def retry_deferred(self) -> None:
        """Try again what waits; the rules are evaluated anew."""
        waiting, self.deferred = self.deferred, []
        for copy in waiting:
            self._carry(copy)

    def _carry(self, copy: Copy) -> None:
        for one in self._through_rules(copy):
            self._deliver(one)

    def _through_rules(self, copy: Copy) -> list[Copy]:
        copies = [copy]
        for rule in self.rules:
            if rule.is_enabled:
                copies = [after for one in copies for after in self._through_rule(rule, one)]
        return copies

    def _through_rule(self, rule: Rule, copy: Copy) -> list[Copy]:
        """Split off the recipients that the rule takes, and act on their copy alone."""
        if copy.is_stopped or not copy.recipients:
            return [copy]
        if self.world.chaos.rule_unavailable:
            if rule.on_error == "Defer":
                self.deferred.append(copy)
                return []
            return [copy]
        taken = tuple(one for one in copy.recipients if rule.takes(recipient_is_inside=self.is_inside(one)))
        if not taken or not rule.matches(Sending(copy.header, copy.envelope_from, copy.is_inside)):
            return [copy]
        if rule.mode != "Enforce":
            self.audited.append(rule.name)
            return [copy]
        others = tuple(one for one in copy.recipients if one not in taken)
        left = [replace(copy, recipients=others)] if others else []
        return left + self._act(rule, replace(copy, recipients=taken))

    def _act(self, rule: Rule, copy: Copy) -> list[Copy]:
        if rule.reject is not None:
            self._fail(copy, [Failure(one, RULE, rule.reject) for one in copy.recipients])
            return []
        if rule.set_header is not None:
            name, value = rule.set_header
            copy = replace(copy, header=copy.header.without([name]).on_top((name, value)))
        copy = replace(copy, is_stopped=rule.stops)
        if not rule.redirect_to:
            return [copy]
        if self.world.trace_names_diverted:
            for one in copy.recipients:
                self._trace(copy, one, "expanded")
        many = max(1, min(self.world.redirect_copies, len(copy.recipients)))
        return [replace(copy, recipients=rule.redirect_to) for _ in range(many)]

    def _deliver(self, copy: Copy) -> None:
        failures: list[Failure] = []
        for recipient in copy.recipients:
            reason = (
                self._deliver_inside(copy, recipient) if self.is_inside(recipient) else self._leave(copy, recipient)
            )
            if reason is None:
                self._trace(copy, recipient, "delivered")
            else:
                failures.append(Failure(recipient, *reason))
        if failures:
            self._fail(copy, failures)

    def _deliver_inside(self, copy: Copy, recipient: str) -> tuple[str, str] | None:
        mailbox = self.mailboxes.get(recipient)
        if mailbox is None:
            return UNKNOWN
        if mailbox.inside_only and not copy.is_inside:
            return INSIDE_ONLY
        header = copy.header.without(["return-path"]).on_top(
            ("Return-Path", copy.envelope_from or "<>"), (NETWORK_ID, copy.network_id)
        )
        item = mailbox.new_item((header, copy.rest), now=self.clock())
        if item.size > mailbox.max_receive:
            return TOO_LARGE_TO_RECEIVE
        mailbox.place(item, mailbox.folder("junkemail" if recipient in self.world.deliver_to_junk else "inbox"))
        if mailbox.auto_reply and copy.envelope_from.lower() not in mailbox.answered:
            self._answer(mailbox, mailbox.auto_reply, copy)
        return None

    def _leave(self, copy: Copy, recipient: str) -> tuple[str, str] | None:
        box = self.outside_mailbox(recipient)
        if box.refuses:
            return REFUSED_OUTSIDE
        header = copy.header.without([], prefix=FIREWALL).on_top(self._received("mail.protection.emulator"))
        box.mails.append(OutsideMail(header.as_bytes() + copy.rest, self.clock(), copy.envelope_from))
        return None

    def _answer(self, mailbox: Mailbox, text: str, copy: Copy) -> None:
        if not may_be_answered(copy.header, copy.envelope_from):
            return
        mailbox.answered.add(copy.envelope_from.lower())
        domain = mailbox.address.rpartition("@")[2]
        mime = automatic_reply(mailbox.owner, copy.header, copy.envelope_from, text, domain=domain, now=self.clock())
        self._send_own(mime, copy.envelope_from)

    def _fail(self, copy: Copy, failures: Sequence[Failure]) -> None:
        for one in failures:
            self._trace(copy, one.recipient, "failed")
        if not copy.envelope_from:
            return  # a report about a report is never written
        inside = copy.envelope_from if copy.is_inside else failures[0].recipient
        domain = inside.rpartition("@")[2]
        header = copy.header.without([], prefix=FIREWALL)
        report = non_delivery_report(copy.envelope_from, header, failures, domain=domain, now=self.clock())
        self._send_own(report, copy.envelope_from)

    def _send_own(self, mime: bytes, to: str) -> None:
        header, rest = split_mail(mime)
        header = header.on_top(self._received("emulator"), *INTERNAL)
        own = Copy(header, rest, "", (to.lower(),), is_inside=True, network_id=str(uuid.uuid4()), is_stopped=True)
        self._deliver(own)

    def _trace(self, copy: Copy, recipient: str, status: Status) -> None:
        self.trace.append(
            TraceRow(
                id=copy.network_id,
                received=self.clock(),
                sender=copy.envelope_from.lower(),
                recipient=recipient,
                subject=copy.header.text("subject"),
                message_id=copy.header.get("message-id"),
                size=copy.size,
                status=status,
                from_ip="" if copy.is_inside else "203.0.113.7",
                to_ip="" if self.is_inside(recipient) else "198.51.100.9",
            )
        )

    def _name_blind(self, item: Item, recipients: Iterable[str]) -> None:
        """Write into the sender's copy, and only there, whom no field names."""
        named = set(item.recipients)
        blind = [one for one in dict.fromkeys(recipients) if one.lower() not in named]
        if blind:
            value = ", ".join([*(write_address(one) for one in item.bcc), *blind])
            item.rewrite(item.header.replace("Bcc", encode_words(value)))

    def _leave_drafts(self, mailbox: Mailbox, item: Item, *, save: bool) -> None:
        if not save:
            mailbox.remove(item)
            return
        if not self.world.immutable_id_survives_send:
            mailbox.renew(item)
        if self.world.sent_items_delay:
            mailbox.move(item, mailbox.folder("outbox"))
            delay = self.world.sent_items_delay.total_seconds()
            asyncio.get_running_loop().call_later(delay, mailbox.move, item, mailbox.folder("sentitems"))
        else:
            mailbox.move(item, mailbox.folder("sentitems"))

    def _received(self, source: str) -> tuple[str, str]:
        by = base64.b32encode(self.random.randbytes(5)).decode()
        text = f"from {source.rpartition('@')[2]} by {by}.prod.emulator with HTTPS; {format_datetime(self.clock())}"
        return "Received", text

    def new_message_id(self) -> str:
        return f"<{self.random.randbytes(12).hex().upper()}@{self.random.randbytes(4).hex().upper()}.prod.emulator>"

    def _changed(self, mailbox: Mailbox, folder: Folder, item: Item, change: Change) -> None:
        for listener in self.on_change:
            listener(mailbox, folder, item, change)
