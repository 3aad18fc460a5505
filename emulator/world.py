"""How this Microsoft 365 behaves where Microsoft is silent, what its limits are, and what goes wrong.

Each silent point is a row of `docs/assumptions.md`; a world is one reading of all of them. Changed at any time: every
switch is read when it matters.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Literal, Self

MEBIBYTE = 1_048_576


@dataclass(slots=True)
class Chaos:
    """What goes wrong; shares are between 0 and 1."""

    drop: float = 0.0
    """Share of notifications never posted."""
    double: float = 0.0
    """Share of notifications posted twice."""
    reorder: bool = False
    delay: timedelta = timedelta()
    """Longest further wait of a notification."""
    throttle: float = 0.0
    """Share of Graph requests answered 429."""
    retry_after: int | None = 1
    """Seconds in `Retry-After`; None leaves the header out."""
    fail: float = 0.0
    """Share of Graph requests answered 503 before anything is done."""
    fail_after: float = 0.0
    """Share of writing Graph requests answered 504 although the work was done."""
    item_late: timedelta = timedelta()
    """How long a new item answers 404 although notifications and deltas name it."""
    cut: float = 0.0
    """Share of `$value` downloads whose connection is cut in the middle."""
    rule_unavailable: bool = False
    """Mail-flow rules cannot be evaluated; what happens then is each rule's `RuleErrorAction`."""


@dataclass(slots=True)
class World:
    """One reading of what is not documented, and the limits."""

    redirect_copies: int = 1
    """How many copies reach the intake mailbox when several outside recipients are diverted: at most this many."""
    subscription_needs_entra_permission: bool = False
    """Whether Exchange's role for the app alone is not enough for `POST /subscriptions`."""
    send_keeps_message_id: bool = True
    """Whether a MIME draft's own Message-ID survives its sending."""
    immutable_id_survives_send: bool = True
    from_other_address: Literal["overwrite", "refuse"] = "overwrite"
    """What becomes of a From that is not the sending mailbox's."""
    oversize_send: Literal["refuse", "report"] = "refuse"
    """Whether Graph refuses a mail over the sender's limit, or takes it and a non-delivery report follows."""
    expired_delta: Literal["syncStateNotFound", "gone"] = "syncStateNotFound"
    trace_names_diverted: bool = True
    """Whether message trace still names the recipients from whom the rule took the mail."""
    trace_latency: timedelta = timedelta()
    deliver_to_junk: set[str] = field(default_factory=set)
    """Mailboxes whose mail lands in Junk Email."""
    intake_refuses_outsiders: bool = False
    """`RequireSenderAuthenticationEnabled` on the intake mailbox, as the scripts set it."""
    upload_answers_capitalised: bool = False
    """Whether an upload session's answers to PUT spell their keys `NextExpectedRanges`."""
    attachment_size_overhead: int = 0
    """Bytes that an attachment's `size` counts beyond its content."""
    assertions_once: bool = False
    """Whether Entra takes a client assertion only once; Microsoft's own msal repeats one for nine minutes."""
    max_expiry: timedelta = timedelta(minutes=10_080)
    """Of a subscription; 4,230 minutes in older tables."""
    expiry_over_max: Literal["refuse", "cap"] = "refuse"

    notification_latency: timedelta = timedelta()
    sent_items_delay: timedelta = timedelta()
    """How long a sent draft is not in Sent Items yet (it lies in Outbox)."""
    max_send_bytes: int = 35 * MEBIBYTE
    max_receive_bytes: int = 36 * MEBIBYTE
    concurrent_per_mailbox: int | None = 4
    requests_per_10_minutes: int | None = None
    """10,000 for each app and mailbox at Microsoft."""
    mails_per_minute: int | None = None
    """30 for each mailbox at Microsoft."""
    traces_per_5_minutes: int | None = None
    """100 for all tools of a tenant together at Microsoft."""
    upload_bytes_per_5_minutes: int | None = None
    """150 MB for each app and mailbox at Microsoft."""
    chaos: Chaos = field(default_factory=Chaos)
    seed: int = 2026
    random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    @classmethod
    def as_scripts_leave_it(cls) -> Self:
        """A tenant after `azure/`'s scripts: mailboxes take large mail, and the intake mailbox insiders only."""
        return cls(max_send_bytes=150 * MEBIBYTE, max_receive_bytes=150 * MEBIBYTE, intake_refuses_outsiders=True)

    @classmethod
    def other_reading(cls) -> Self:
        """Every silent point read the other way, as far as mail must still arrive unharmed.

        Two readings are left out, because they take a feature away: notifications, and blind copies by trace.
        """
        return cls(
            redirect_copies=2,
            send_keeps_message_id=False,
            immutable_id_survives_send=False,
            from_other_address="refuse",
            oversize_send="report",
            expiry_over_max="cap",
            expired_delta="gone",
            upload_answers_capitalised=True,
            attachment_size_overhead=342,
            max_expiry=timedelta(minutes=4_230),
            max_send_bytes=150 * MEBIBYTE,
            max_receive_bytes=150 * MEBIBYTE,
            sent_items_delay=timedelta(milliseconds=300),
        )

    def happens(self, share: float) -> bool:
        return share > 0 and self.random.random() < share
