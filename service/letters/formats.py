"""How letters write times, sizes and counts, in English and Spanish; the state's own zone, always named."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, get_timezone_name

from service.core.limits import MEBIBYTE
from service.core.sheet import Person
from service.core.text import one_line

LOCALES = {"en": "en_US", "es": "es_US"}
ZONES = {
    "America/New_York": ("Eastern time", "hora del Este"),
    "America/Chicago": ("Central time", "hora del Centro"),
    "America/Denver": ("Mountain time", "hora de la Montaña"),
    "America/Los_Angeles": ("Pacific time", "hora del Pacífico"),
}
"""As people in the state say them; babel's Spanish has *hora oriental*, which nobody says."""
_DAY = {"en": "MMMM d, y", "es": "d 'de' MMMM 'de' y"}


def day(at: datetime, zone: ZoneInfo, language: str = "en") -> str:
    """October 22, 2026 · 22 de octubre de 2026."""
    return str(format_datetime(at, _DAY[language], tzinfo=zone, locale=LOCALES[language]))


def hour(at: datetime, zone: ZoneInfo, language: str = "en") -> str:
    """8:22 AM (Eastern time) · 8:22 a. m. (hora del Este)."""
    time = str(format_datetime(at, "h:mm a", tzinfo=zone, locale=LOCALES[language]))
    if language == "es":
        time = time.replace("a.m.", "a. m.").replace("p.m.", "p. m.").replace("\xa0", " ")
    return f"{time} ({zone_name(zone, language)})"


def left(time: timedelta, language: str = "en") -> str:
    """27 days left · quedan 27 días; whole ones, never more than there are."""
    hours = max(0, int(time.total_seconds() // 3600))
    if language == "es":
        verb = "queda" if hours in {0, 1, 24} else "quedan"
        return f"{verb} {_whole(hours, ('día', 'días'), ('hora', 'horas'), 'menos de 1 hora')}"
    return f"{_whole(hours, ('day', 'days'), ('hour', 'hours'), 'less than 1 hour')} left"


def _whole(hours: int, day: tuple[str, str], hour: tuple[str, str], less: str) -> str:
    if hours >= 48 or hours == 24:
        return f"{hours // 24} {day[hours >= 48]}"
    return f"{hours} {hour[hours > 1]}" if hours else less


def stamp(at: datetime, zone: ZoneInfo) -> str:
    """Write a time to the second, for receipts: 09/22/2026 08:22:37 EDT."""
    return at.astimezone(zone).strftime("%m/%d/%Y %H:%M:%S %Z")


def zone_name(zone: ZoneInfo, language: str = "en") -> str:
    """Eastern time · hora del Este."""
    if zone.key in ZONES:
        return ZONES[zone.key][language == "es"]
    name = get_timezone_name(zone, width="long", zone_variant="generic", locale=LOCALES[language])
    return str(name).replace(" Time", " time")


def size(count: int) -> str:
    """840 KB · 4.2 MB · 35 MB; rounded up, never under 1 KB; 1 MB is 1,048,576 bytes."""
    kilobytes = max(1, -(-count // 1024))
    if kilobytes < 1024:
        return f"{kilobytes} KB"
    tenths = -(-count * 10 // MEBIBYTE)
    return f"{tenths // 10} MB" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10} MB"


def files(count: int, total: int, language: str = "en") -> str:
    """2 files, 1.3 MB · none."""
    if not count:
        return {"en": "none", "es": "ninguno"}[language]
    one, many = {"en": ("file", "files"), "es": ("archivo", "archivos")}[language]
    return f"{count} {one if count == 1 else many}, {size(total)}"


def shown_name(person: Person) -> str:
    """Return the name, or the address of one without a name."""
    return one_line(person.name, 100) or one_line(person.address, 254)


def first_name(person: Person) -> str:
    """Return what one would say to them: Maria, of `Maria Delgado` and of `Delgado, Maria (DSS)` alike."""
    name = one_line(person.name, 100)
    last, comma, rest = name.partition(",")
    words = rest.split() if comma and rest.split() else last.split()
    return words[0] if words else one_line(person.address, 254)
