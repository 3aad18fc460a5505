"""Settings from the environment: `SAFEMAIL_*`, one class per role, each with only what that role may know.

`docs/settings.md` lists them all. An unknown `SAFEMAIL_*` variable, a missing one or an unsafe one stops the start.
A value may stand in a file: `SAFEMAIL_STAMP_SECRETS_FILE=/run/secrets/stamp`.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from service.core.addresses import InsideDomains, normal_form
from service.core.limits import (
    DELTA_EVERY,
    DRAFTS_BYTES,
    FAILED_SIGN_INS,
    INACTIVE,
    INACTIVE_GRACE,
    INACTIVE_WARNING,
    INTAKE_KEPT,
    MESSAGE_BYTES,
    PASSWORD_AGE,
    REMIND_ENDING,
    REMIND_UNREAD,
    REPLY_RECIPIENTS,
    RESET_LIFE,
    RETENTION,
    SESSION_IDLE,
    SESSION_LONGEST,
)
from service.core.rules import Rules

PREFIX = "SAFEMAIL_"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class SettingsWrong(Exception):
    """The settings do not let this role start; the message says which and why, never the value."""


def _words(value: object) -> object:
    return [word for word in value.replace(",", " ").split() if word] if isinstance(value, str) else value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https address")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("http is allowed on localhost only")
    return value.rstrip("/")


def _whole_minutes(value: timedelta) -> timedelta:
    if value % timedelta(minutes=1):
        raise ValueError("must be whole minutes")
    return value


def _never_or_an_hour(value: timedelta) -> timedelta:
    if value and value < timedelta(hours=1):  # who writes 90 means days, and would get seconds
        raise ValueError("must be zero, or at least an hour")
    return value


Words = Annotated[list[str], NoDecode, BeforeValidator(_words)]
Url = Annotated[str, AfterValidator(_url)]
Minutes = Annotated[timedelta, AfterValidator(_whole_minutes)]
"""As pages say them."""
NeverOr = Annotated[timedelta, AfterValidator(_never_or_an_hour)]


class Shared(BaseSettings):
    """What every role knows."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    database: str
    """`sqlite+aiosqlite:///path` or `postgresql+asyncpg://user@host/name`."""
    public_url: Url
    """Where recipients reach the portal; the only link that letters carry."""
    inside_domains: Words = Field(default=["ct.gov", "po.state.ct.us"])
    inside_subdomains: bool = False
    """Whether subdomains of the inside domains are inside too."""
    time_zone: str = "America/New_York"
    service_name: str = "Safemail"
    state_name: str = "State of Connecticut"
    help_desk: str = "Best.Helpdesk@ct.gov"
    retention: timedelta = Field(default=RETENTION, ge=timedelta(days=1))
    """How long a message can be read."""
    announcement_en: str = Field(default="", max_length=500)
    """A few words of the agency for everybody, on the sign-in page and in notices."""
    announcement_es: str = Field(default="", max_length=500)
    inactive: NeverOr = INACTIVE
    """An account whose owner does not sign in for so long is switched off."""
    inactive_warning: NeverOr = INACTIVE_WARNING
    """How long before it is switched off an account's owner is told."""
    inactive_grace: NeverOr = INACTIVE_GRACE
    """How long after it was switched off an account is deleted, if nothing unexpired waits; zero: at once."""
    session_idle: Minutes = Field(default=SESSION_IDLE, ge=timedelta(minutes=3), le=timedelta(hours=24))
    """Who does nothing for so long is signed out; the warning comes two minutes before."""
    session_longest: Minutes = Field(default=SESSION_LONGEST, le=timedelta(hours=24), validate_default=True)
    """Everybody is signed out after so long."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("session_longest")
    @classmethod
    def _is_longer_than_idle(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        if value < info.data.get("session_idle", value):
            raise ValueError(f"must not be shorter than {PREFIX}SESSION_IDLE")
        return value

    @property
    def rules(self) -> Rules:
        """What this role knows of them."""
        return Rules(session_idle=self.session_idle, session_longest=self.session_longest)

    @property
    def inside(self) -> InsideDomains:
        return InsideDomains.of(self.inside_domains, with_subdomains=self.inside_subdomains)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def public_host(self) -> str:
        return urlsplit(self.public_url).hostname or ""

    @property
    def portal_host_port(self) -> str:
        """Host, and port where it is not the scheme's own: as it stands in links."""
        return urlsplit(self.public_url).netloc

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


class PortalSettings(Shared):
    """Faces strangers; opens recipients' mail; calls nothing outside."""

    blobs: str
    keys: Path
    portal_bind: Words = Field(default=["127.0.0.1:8400"])
    intake: Words = Field(default=[])
    mailers: Words = Field(default=[])
    """Our own mailboxes: nobody reads mail there, so that no reply goes to them."""
    account_policy: Literal["legacy", "modern"] = "legacy"
    failed_sign_ins: int = Field(default=FAILED_SIGN_INS, ge=3, le=100)
    """The failure that locks an account; NIST SP 800-63B-4 §3.2.2 allows 100."""
    password_age: Minutes = Field(default=PASSWORD_AGE, ge=timedelta(days=1))
    """After how long the legacy policy asks for a new password."""
    reset_life: Minutes = Field(default=RESET_LIFE, ge=timedelta(minutes=5), le=timedelta(hours=24))
    """How long a mailed link to a new password works."""
    reply_recipients: int = Field(default=REPLY_RECIPIENTS, ge=2, le=50)
    """To how many a reply goes at most; a field takes 8192 characters, and an address with its name up to 160."""
    reset_unlocks: bool = True
    """Whether a new password by a mailed link unlocks a locked account; else only the help desk does."""
    read_with_code: bool = False
    """Whether a message may be read with a code mailed to its address, without an account."""
    new_messages: bool = False
    """Whether recipients may write to state addresses first, instead of only answering."""
    message_bytes: int = MESSAGE_BYTES
    drafts_bytes: int = DRAFTS_BYTES
    """All drafts of one writer together."""
    password_memory_kib: int = 19_456
    """argon2id; below OWASP's 19,456 only in tests."""
    password_time: int = 2
    trusted_hops: int = 0
    """How many proxies stand in front; their `X-Forwarded-For` entries are counted from the right."""

    @property
    def rules(self) -> Rules:
        return Rules(
            session_idle=self.session_idle,
            session_longest=self.session_longest,
            failed_sign_ins=self.failed_sign_ins,
            reset_unlocks=self.reset_unlocks,
            reset_life=self.reset_life,
            password_age=self.password_age if self.account_policy == "legacy" else None,
            reply_recipients=self.reply_recipients,
        )

    @property
    def own_mailboxes(self) -> frozenset[str]:
        return frozenset(normal_form(address) for address in (*self.intake, *self.mailers))

    @property
    def has_hints(self) -> bool:
        """NIST SP 800-63B-4 §3.1.1.2 forbids hints that a stranger can ask for."""
        return self.account_policy == "legacy"

    @property
    def is_plain_http(self) -> bool:
        """True on localhost only: cookies then go without `__Host-` and `Secure`."""
        return self.public_url.startswith("http://")


class HookSettings(Shared):
    """Faces Graph's notifications; holds no key and no certificate."""

    hook_bind: Words = Field(default=["127.0.0.1:8403"])
    tenant: str


class SyncSettings(Shared):
    """Faces nobody; speaks with Graph; seals, and opens only what is to be sent."""

    blobs: str
    keys: Path
    tenant: str
    client: str
    certificate: Path
    """PEM file with private key and certificate of the app registration."""
    entra_url: Url = "https://login.microsoftonline.com"
    graph_url: Url = "https://graph.microsoft.com/v1.0"
    graph_scope: str = "https://graph.microsoft.com/.default"
    ca: Path | None = None
    """Extra certificate authority, for the emulator or a TLS-opening proxy."""
    hook_url: Url
    """Where Graph posts notifications, as Graph sees it."""
    intake: Words
    """Intake mailboxes, to which the mail-flow rule redirects."""
    mailers: Words
    """Mailboxes that letters and replies are sent from."""
    stamp_secrets: Annotated[list[SecretStr], NoDecode, BeforeValidator(_words)]
    """Secrets that the rule stamps mail with; two at a time while they are changed."""
    bcc: Literal["none", "trace"] = "trace"
    """How blind copies are recovered: not at all, or by message trace."""
    trace_requests: int = Field(default=80, ge=10)
    """Message traces in five minutes; 100 are shared by all tools of a tenant (Exchange team blog, January 2026)."""
    message_bytes: int = MESSAGE_BYTES
    intake_keep: timedelta = Field(default=INTAKE_KEPT, ge=timedelta(hours=1))
    leases: timedelta = timedelta(seconds=60)
    """How long a worker may be silent before another takes over."""
    delta_every: timedelta = DELTA_EVERY
    hide_subjects: bool = False
    """Keep subjects out of notices."""
    remind_unread: NeverOr = REMIND_UNREAD
    """How long after its notice an unread message is named again; zero: never."""
    remind_ending: NeverOr = REMIND_ENDING
    """How long before its end an unread message is named once more; zero: never."""


ROLES: Mapping[str, type[Shared]] = {
    "portal": PortalSettings,
    "hook": HookSettings,
    "sync": SyncSettings,
}
Role = TypeVar("Role", bound=Shared)


def names(role: type[Shared]) -> set[str]:
    """List the environment variables that a role may be given."""
    return {PREFIX + field.upper() for field in role.model_fields}


def load(role: type[Role], environment: Mapping[str, str] | None = None) -> Role:
    """Read a role's settings. Raises SettingsWrong."""
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        field, text = name.removeprefix(PREFIX).lower(), value
        if field.endswith("_file") and field.removesuffix("_file") in role.model_fields:
            field = field.removesuffix("_file")
            try:
                text = Path(value).read_text(encoding="utf-8").strip()
            except OSError as exc:
                raise SettingsWrong(f"{name}: the file cannot be read") from exc
        values[field] = text
    try:
        return role.model_validate(values)
    except ValidationError as exc:
        lines = [
            f"{PREFIX}{'.'.join(str(at) for at in error['loc']).upper()}: {error['msg']}" for error in exc.errors()
        ]
        raise SettingsWrong("\n".join(lines)) from exc
