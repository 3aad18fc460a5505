"""How pages write times and sizes, in the reader's language and zone, the zone always named."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, get_timezone_name
from babel.units import format_unit

from service.core.preferences import Dates
from service.letters.formats import LOCALES, day, hour, size, zone_name
from service.portal import language as spoken

__all__ = ["Left", "Times", "lasting", "size"]
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FORMATTED_KEPT = 8192
"""Times of a list are written again at each look: formatting was a sixth of a page's work."""


def lasting(span: timedelta) -> str:
    """15 minutes · 8 hours · 60 days, in the language of the page."""
    unit, one = "minute", timedelta(minutes=1)
    if span > DAY and not span % DAY:
        unit, one = "day", DAY
    elif not span % HOUR:
        unit, one = "hour", HOUR
    return str(format_unit(span // one, f"duration-{unit}", locale=LOCALES[spoken.language()]))


class Left(StrEnum):
    """How pressing an end is: always shown with words too."""

    PLAIN = ""
    SOON = "warn"
    LAST = "bad"


@dataclass(frozen=True, slots=True)
class Times:
    """Writes times for one reader at one moment."""

    zone: ZoneInfo
    language: str
    now: datetime
    style: Dates = ""

    def full(self, at: datetime) -> str:
        """Tuesday, September 22, 2026, 8:22 AM EDT · martes, 22 de septiembre de 2026, 8:22 a. m. (hora del Este).

        In the style `iso`, this and all below: 2026-09-22 08:22 (Eastern time), in parts where a part is asked for.
        """
        if self.style == "iso":
            return self.until(at)
        if self.language == "es":
            return f"{self._format(at, 'EEEE, ')}{day(at, self.zone, 'es')}, {hour(at, self.zone, 'es')}"
        return f"{self._format(at, 'EEEE, MMMM d, y, h:mm a')} {_zone_letters(at, self.zone)}"

    def until(self, at: datetime) -> str:
        """October 22, 2026, 8:22 AM (Eastern time) · 22 de octubre de 2026, 8:22 a. m. (hora del Este)."""
        if self.style == "iso":
            return f"{self.day(at)} {self.clock(at)} ({self.zone_name})"
        return f"{day(at, self.zone, self.language)}, {hour(at, self.zone, self.language)}"

    def day(self, at: datetime) -> str:
        """October 22, 2026 · 22 de octubre de 2026."""
        if self.style == "iso":
            return at.astimezone(self.zone).date().isoformat()
        return day(at, self.zone, self.language)

    def short(self, at: datetime) -> str:
        """2:41 PM · Yesterday · Sep 3 · Sep 3, 2025, for lists."""
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        if local.date() == today.date():
            return self._clock(at)
        if local.date() == (today - DAY).date():
            return "Ayer" if self.language == "es" else "Yesterday"
        return self._month_day(at, with_year=local.year != today.year)

    def clock(self, at: datetime) -> str:
        """2:41 PM · 2:41 p. m."""
        return self._clock(at)

    def written(self, style: Dates) -> "Times":
        """Return the same in another style."""
        return replace(self, style=style)

    def at(self, zone: ZoneInfo) -> str:
        """Write what time it is in another zone."""
        return replace(self, zone=zone).clock(self.now)

    def left(self, at: datetime) -> str:
        """Oct 22 · 3 days left · 20 hours left · Under 1 hour."""
        rest = at - self.now
        if rest > 7 * DAY:
            return self._month_day(at, with_year=False)
        return self.left_words(at)

    def left_words(self, at: datetime) -> str:
        """3 days left · Quedan 3 días; whole ones, rounded down, so that nobody comes too late."""
        rest = at - self.now
        is_es = self.language == "es"
        if rest < timedelta(hours=1):
            return "Menos de 1 hora" if is_es else "Under 1 hour"
        if rest < 2 * DAY:
            count = rest // timedelta(hours=1)
            if is_es:
                return "Queda 1 hora" if count == 1 else f"Quedan {count} horas"
            return f"{count} hour left" if count == 1 else f"{count} hours left"
        count = rest // DAY
        return f"Quedan {count} días" if is_es else f"{count} days left"

    def pressing(self, at: datetime) -> Left:
        rest = at - self.now
        if rest < DAY:
            return Left.LAST
        return Left.SOON if rest <= 3 * DAY else Left.PLAIN

    @property
    def zone_name(self) -> str:
        return zone_name(self.zone, self.language)

    def _clock(self, at: datetime) -> str:
        if self.style == "iso":
            return f"{at.astimezone(self.zone):%H:%M}"
        return hour(at, self.zone, self.language).partition(" (")[0]

    def _month_day(self, at: datetime, *, with_year: bool) -> str:
        if self.style == "iso":
            return self.day(at)
        if self.language == "es":
            return self._format(at, "d MMM y" if with_year else "d MMM").replace(".", "").replace("sept", "sep")
        return self._format(at, "MMM d, y" if with_year else "MMM d")

    def _format(self, at: datetime, pattern: str) -> str:
        return _formatted(at, pattern, self.zone, self.language)


@lru_cache(FORMATTED_KEPT)
def _formatted(at: datetime, pattern: str, zone: ZoneInfo, language: str) -> str:
    text = format_datetime(at, pattern, tzinfo=zone, locale=LOCALES[language])
    return str(text).replace("\u202f", " ").replace("\xa0", " ")


@lru_cache(FORMATTED_KEPT)
def _zone_letters(at: datetime, zone: ZoneInfo) -> str:
    """EST · EDT."""
    return str(get_timezone_name(at.astimezone(zone), width="short", locale=LOCALES["en"]))
