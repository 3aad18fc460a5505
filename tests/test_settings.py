from datetime import timedelta

import pytest

from service.core.rules import AS_SHIPPED
from service.settings import ROLES, HookSettings, PortalSettings, SettingsWrong, SyncSettings, load, names

SYNC = {
    "SAFEMAIL_DATABASE": "sqlite+aiosqlite:///x",
    "SAFEMAIL_PUBLIC_URL": "https://safemail.ct.gov/",
    "SAFEMAIL_BLOBS": "file:///x",
    "SAFEMAIL_KEYS": "/keys",
    "SAFEMAIL_TENANT": "t",
    "SAFEMAIL_CLIENT": "c",
    "SAFEMAIL_CERTIFICATE": "/c.pem",
    "SAFEMAIL_HOOK_URL": "https://hook.ct.gov",
    "SAFEMAIL_INTAKE": "secure-intake@ct.gov",
    "SAFEMAIL_MAILERS": "a@ct.gov, b@ct.gov",
    "SAFEMAIL_STAMP_SECRETS": "old new",
}


def test_lists_are_split_at_commas_and_blanks() -> None:
    settings = load(SyncSettings, SYNC)
    assert settings.mailers == ["a@ct.gov", "b@ct.gov"]
    assert [secret.get_secret_value() for secret in settings.stamp_secrets] == ["old", "new"]
    assert settings.public_url == "https://safemail.ct.gov"


def test_a_secret_is_never_shown() -> None:
    assert "old" not in repr(load(SyncSettings, SYNC).stamp_secrets)
    with pytest.raises(SettingsWrong) as wrong:
        load(SyncSettings, {**SYNC, "SAFEMAIL_LEASES": "planted-secret"})
    assert "planted-secret" not in str(wrong.value)
    assert "SAFEMAIL_LEASES" in str(wrong.value)


def test_an_unknown_setting_stops_the_start() -> None:
    with pytest.raises(SettingsWrong, match="SAFEMAIL_PUBLIK_URL"):
        load(SyncSettings, {**SYNC, "SAFEMAIL_PUBLIK_URL": "https://x"})


def test_a_missing_setting_stops_the_start() -> None:
    with pytest.raises(SettingsWrong, match="SAFEMAIL_TENANT"):
        load(HookSettings, {"SAFEMAIL_DATABASE": "sqlite+aiosqlite:///x", "SAFEMAIL_PUBLIC_URL": "https://x.gov"})


@pytest.mark.parametrize("url", ["http://safemail.ct.gov", "ftp://localhost", "localhost:8400", ""])
def test_an_unsafe_address_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsWrong, match="SAFEMAIL_PUBLIC_URL"):
        load(SyncSettings, {**SYNC, "SAFEMAIL_PUBLIC_URL": url})


def test_a_value_may_stand_in_a_file(tmp_path) -> None:
    (tmp_path / "stamp").write_text("from-a-file\n", encoding="utf-8")
    given = {name: value for name, value in SYNC.items() if name != "SAFEMAIL_STAMP_SECRETS"}
    settings = load(SyncSettings, {**given, "SAFEMAIL_STAMP_SECRETS_FILE": str(tmp_path / "stamp")})
    assert settings.stamp_secrets[0].get_secret_value() == "from-a-file"


@pytest.mark.parametrize(
    ("name", "least", "less"),
    [
        ("RETENTION", "P1D", "PT23H59M59S"),
        ("RETENTION", "P1D", "30"),
        ("INTAKE_KEEP", "PT1H", "PT59M59S"),
        ("INACTIVE", "PT1H", "90"),
        ("INACTIVE_WARNING", "PT1H", "PT59M59S"),
        ("INACTIVE_GRACE", "PT1H", "-P1D"),
        ("REMIND_UNREAD", "PT1H", "3"),
        ("REMIND_ENDING", "PT1H", "PT59M59S"),
    ],
)
def test_a_time_that_deletes_or_writes_at_once_stops_the_start(name: str, least: str, less: str) -> None:
    load(SyncSettings, {**SYNC, f"SAFEMAIL_{name}": least})
    if name not in {"RETENTION", "INTAKE_KEEP"}:
        load(SyncSettings, {**SYNC, f"SAFEMAIL_{name}": "PT0S"})
    with pytest.raises(SettingsWrong, match=f"SAFEMAIL_{name}: "):
        load(SyncSettings, {**SYNC, f"SAFEMAIL_{name}": less})


def test_an_announcement_has_five_hundred_characters() -> None:
    for name in ("SAFEMAIL_ANNOUNCEMENT_EN", "SAFEMAIL_ANNOUNCEMENT_ES"):
        load(SyncSettings, {**SYNC, name: "x" * 500})
        with pytest.raises(SettingsWrong, match=name):
            load(SyncSettings, {**SYNC, name: "x" * 501})


def test_no_role_knows_another_ones_secrets() -> None:
    assert "SAFEMAIL_STAMP_SECRETS" not in names(PortalSettings) | names(HookSettings)
    assert "SAFEMAIL_CERTIFICATE" not in names(PortalSettings) | names(HookSettings)
    assert "SAFEMAIL_KEYS" not in names(HookSettings)
    assert all("SAFEMAIL_DATABASE" in names(role) for role in ROLES.values())


PORTAL = {
    name: value
    for name, value in SYNC.items()
    if name.removeprefix("SAFEMAIL_") in {"DATABASE", "PUBLIC_URL", "BLOBS", "KEYS"}
}


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("SESSION_IDLE", "PT3M", "PT8H"),
        ("SESSION_LONGEST", "PT15M", "PT24H"),
        ("FAILED_SIGN_INS", "3", "100"),
        ("PASSWORD_AGE", "P1D", "P3650D"),
        ("RESET_LIFE", "PT5M", "PT24H"),
        ("REPLY_RECIPIENTS", "2", "50"),
    ],
)
def test_a_rule_may_be_set_between_its_bounds(name: str, least: str, most: str) -> None:
    field = name.lower()
    one, other = (
        getattr(load(PortalSettings, {**PORTAL, f"SAFEMAIL_{name}": value}).rules, field) for value in (least, most)
    )
    assert one < other


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SESSION_IDLE", "PT0S", "greater than or equal to 3 minutes"),
        ("SESSION_IDLE", "PT2M", "greater than or equal to 3 minutes"),
        ("SESSION_IDLE", "PT3M1S", "must be whole minutes"),
        ("SESSION_LONGEST", "PT0S", "must not be shorter than SAFEMAIL_SESSION_IDLE"),
        ("SESSION_LONGEST", "PT14M", "must not be shorter than SAFEMAIL_SESSION_IDLE"),
        ("SESSION_LONGEST", "PT24H1M", "less than or equal to 1 day"),
        ("FAILED_SIGN_INS", "0", "greater than or equal to 3"),
        ("FAILED_SIGN_INS", "2", "greater than or equal to 3"),
        ("FAILED_SIGN_INS", "101", "less than or equal to 100"),
        ("PASSWORD_AGE", "PT0S", "greater than or equal to 1 day"),
        ("PASSWORD_AGE", "PT23H", "greater than or equal to 1 day"),
        ("RESET_LIFE", "PT4M", "greater than or equal to 5 minutes"),
        ("RESET_LIFE", "PT24H1M", "less than or equal to 1 day"),
        ("REPLY_RECIPIENTS", "1", "greater than or equal to 2"),
        ("REPLY_RECIPIENTS", "51", "less than or equal to 50"),
    ],
)
def test_a_rule_beyond_its_bounds_stops_the_start(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsWrong) as wrong:
        load(PortalSettings, {**PORTAL, f"SAFEMAIL_{name}": value})
    assert f"SAFEMAIL_{name}: " in str(wrong.value)
    assert says in str(wrong.value)


def test_an_idle_time_beyond_the_longest_one_as_shipped_stops_the_start() -> None:
    with pytest.raises(
        SettingsWrong, match=r"SAFEMAIL_SESSION_LONGEST: .*must not be shorter than SAFEMAIL_SESSION_IDLE"
    ):
        load(PortalSettings, {**PORTAL, "SAFEMAIL_SESSION_IDLE": "PT9H"})


def test_the_modern_profile_asks_for_no_new_password_whatever_its_age() -> None:
    set_age = {**PORTAL, "SAFEMAIL_PASSWORD_AGE": "P30D"}
    assert load(PortalSettings, set_age).rules.password_age == timedelta(days=30)
    assert load(PortalSettings, {**set_age, "SAFEMAIL_ACCOUNT_POLICY": "modern"}).rules.password_age is None


def test_rules_are_as_shipped_where_nothing_is_set() -> None:
    assert load(PortalSettings, PORTAL).rules == load(SyncSettings, SYNC).rules == AS_SHIPPED
