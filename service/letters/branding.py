"""Whose service this is: the names, addresses and the clock that every letter shows."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from service.core.limits import INACTIVE
from service.core.text import one_line
from service.settings import Shared, SyncSettings

_STATE_OF = "State of "


@dataclass(frozen=True, slots=True)
class Branding:
    """What a state sets once. Nothing here comes from strangers."""

    service_name: str
    state_name: str
    help_desk: str
    public_url: str
    """Where the one link of a letter begins; without a slash at its end."""
    public_place: str
    """The portal's host as a person types it, with its port where that is not the usual one."""
    public_host: str
    """The right side of every Message-ID that we make."""
    zone: ZoneInfo
    hide_subjects: bool = False
    bcc_is_looked_up: bool = True
    announcement_en: str = ""
    announcement_es: str = ""
    inactive_days: int = INACTIVE.days

    @classmethod
    def of(cls, settings: Shared) -> "Branding":
        sync = settings if isinstance(settings, SyncSettings) else None
        return cls(
            service_name=settings.service_name,
            state_name=settings.state_name,
            help_desk=settings.help_desk,
            public_url=settings.public_url,
            public_place=settings.portal_host_port,
            public_host=settings.public_host,
            zone=settings.zone,
            hide_subjects=sync is not None and sync.hide_subjects,
            bcc_is_looked_up=sync is None or sync.bcc != "none",
            announcement_en=one_line(settings.announcement_en),
            announcement_es=one_line(settings.announcement_es),
            inactive_days=settings.inactive.days,
        )

    @property
    def checker(self) -> str:
        """Where anybody may ask whether a letter is ours, as a person types it: never a second link."""
        return f"{self.public_place}/help/real"

    @property
    def sign_in_url(self) -> str:
        return f"{self.public_url}/sign-in"

    @property
    def sender_name(self) -> str:
        """The name beside the mailer mailbox's address."""
        return f"{self.service_name}, {self.state_name}"

    @property
    def state(self) -> str:
        """The state inside an English sentence: `the State of Connecticut`."""
        return f"the {self.state_name}" if self.state_name.startswith(_STATE_OF) else self.state_name

    @property
    def of_state_es(self) -> str:
        """The state inside a Spanish sentence, with its preposition: `del Estado de Connecticut`."""
        if self.state_name.startswith(_STATE_OF):
            return f"del Estado de {self.state_name.removeprefix(_STATE_OF)}"
        return f"de {self.state_name}"

    @property
    def state_es(self) -> str:
        """The state after its service's name in Spanish: `Estado de Connecticut`."""
        return self.of_state_es.removeprefix("del ").removeprefix("de ")
