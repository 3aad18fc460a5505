"""Times, sizes and counts as people read them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from service.core.sheet import Person
from service.letters import formats
from service.letters.branding import Branding
from service.settings import HookSettings, SyncSettings

EASTERN = ZoneInfo("America/New_York")
AT = datetime(2026, 10, 22, 12, 22, 37, tzinfo=UTC)


def test_until_is_written_in_the_states_zone_which_is_named():
    assert f"{formats.day(AT, EASTERN)}, {formats.hour(AT, EASTERN)}" == "October 22, 2026, 8:22 AM (Eastern time)"


def test_until_in_spanish():
    spanish = f"{formats.day(AT, EASTERN, 'es')}, {formats.hour(AT, EASTERN, 'es')}"
    assert spanish == "22 de octubre de 2026, 8:22 a. m. (hora del Este)"


def test_a_day_ends_where_the_state_is():
    assert formats.day(datetime(2026, 10, 23, 3, 59, tzinfo=UTC), EASTERN) == "October 22, 2026"


@pytest.mark.parametrize(
    ("zone", "english", "spanish"),
    [
        ("America/Los_Angeles", "Pacific time", "hora del Pacífico"),
        ("Pacific/Honolulu", "Hawaii-Aleutian time", "hora de Hawái-Aleutianas"),
    ],
)
def test_other_states_zones_have_names(zone: str, english: str, spanish: str):
    assert (formats.zone_name(ZoneInfo(zone)), formats.zone_name(ZoneInfo(zone), "es")) == (english, spanish)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "1 KB"),
        (1, "1 KB"),
        (1025, "2 KB"),
        (840 * 1024, "840 KB"),
        (1_048_575, "1 MB"),
        (1_048_576, "1 MB"),
        (4_300_000, "4.2 MB"),
        (35 * 1_048_576, "35 MB"),
        (35 * 1_048_576 + 1, "35.1 MB"),
    ],
)
def test_sizes_are_rounded_up(count: int, shown: str):
    assert formats.size(count) == shown


def test_counts_of_files():
    assert formats.files(1, 2000) == "1 file, 2 KB"
    assert formats.files(2, 2000, "es") == "2 archivos, 2 KB"
    assert formats.files(0, 0, "es") == "ninguno"


@pytest.mark.parametrize(
    ("name", "first"),
    [("Maria Delgado", "Maria"), ("Delgado, Maria (DSS)", "Maria"), ("Benefits,", "Benefits"), ("", "m@ct.gov")],
)
def test_first_names(name: str, first: str):
    assert formats.first_name(Person(name, "m@ct.gov")) == first


def test_branding_comes_from_the_settings():
    hook = HookSettings(database="sqlite+aiosqlite:///x", public_url="https://mail.example.gov:8443/", tenant="t")
    brand = Branding.of(hook)
    assert (brand.public_url, brand.public_place, brand.public_host) == (
        "https://mail.example.gov:8443",
        "mail.example.gov:8443",
        "mail.example.gov",
    )
    assert brand.sender_name == "Safemail, State of Connecticut"
    assert not brand.hide_subjects


def test_branding_of_sync_knows_what_letters_may_show(tmp_path):
    sync = SyncSettings.model_validate(
        {
            "database": "sqlite+aiosqlite:///x", "public_url": "https://s.example", "hook_url": "https://h.example",
            "blobs": "memory:", "keys": tmp_path, "tenant": "t", "client": "c", "certificate": tmp_path,
            "intake": "i@ct.gov", "mailers": "m@ct.gov", "stamp_secrets": "one", "bcc": "none", "hide_subjects": "true",
            "state_name": "Utah",
        }
    )  # fmt: skip
    brand = Branding.of(sync)
    assert brand.hide_subjects
    assert not brand.bcc_is_looked_up
    assert (brand.state, brand.of_state_es, brand.state_es) == ("Utah", "de Utah", "Utah")
