"""The time zones that one can choose, by region, as people call them."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from babel.core import get_global
from babel.dates import get_timezone_location

from service.letters.formats import LOCALES, zone_name
from service.portal.dates import Times
from service.portal.language import gettext as _

HERE = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Puerto_Rico",
)
"""The zones of the United States, from east to west: most people look for one of them."""
REGIONS = ("America", "Europe", "Africa", "Asia", "Australia", "Atlantic", "Indian", "Pacific", "Antarctica", "Arctic")


@dataclass(frozen=True, slots=True)
class Group:
    """A region and its zones: (key, name, what time it is there)."""

    name: str
    zones: Sequence[tuple[str, str, str]]


def list_zones(times: Times) -> list[Group]:
    names = _names(times.language)
    here = [(key, f"{zone_name(ZoneInfo(key), times.language)} ({name})") for key, name in names["HERE"]]
    groups = [(_("United States"), here), *((_region(region), names[region]) for region in REGIONS)]
    return [Group(region, [(key, name, times.at(ZoneInfo(key))) for key, name in found]) for region, found in groups]


def is_zone(key: str) -> bool:
    return any(key == known for names in _names("en").values() for known, _ in names)


@cache
def _names(language: str) -> dict[str, list[tuple[str, str]]]:
    """Name each zone by its city. Of zones with several keys the one is listed that the others stand for."""
    other_names = get_global("zone_aliases")
    known = [key for key in available_timezones() if key not in other_names]
    cities = {
        key: _city(str(get_timezone_location(ZoneInfo(key), locale=LOCALES[language], return_city=True)))
        for key in {*known, *HERE}
        if key.partition("/")[0] in REGIONS
    }
    found = {"HERE": [(key, cities[key]) for key in HERE]}
    for region in REGIONS:
        inside = [(key, city) for key, city in cities.items() if key.startswith(f"{region}/") and key not in HERE]
        found[region] = sorted(inside, key=lambda one: unicodedata.normalize("NFKD", one[1]).casefold())
    return found


def _city(name: str) -> str:
    """Write Buenos Aires (Argentina) for Argentina/Buenos Aires."""
    country, slash, city = name.rpartition("/")
    return f"{city} ({country})" if slash else name


def _region(region: str) -> str:
    return {
        "America": _("America"),
        "Europe": _("Europe"),
        "Africa": _("Africa"),
        "Asia": _("Asia"),
        "Australia": _("Australia"),
        "Atlantic": _("Atlantic Ocean"),
        "Indian": _("Indian Ocean"),
        "Pacific": _("Pacific Ocean"),
        "Antarctica": _("Antarctica"),
        "Arctic": _("Arctic"),
    }[region]
