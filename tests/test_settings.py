import pytest

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


def test_no_role_knows_another_ones_secrets() -> None:
    assert "SAFEMAIL_STAMP_SECRETS" not in names(PortalSettings) | names(HookSettings)
    assert "SAFEMAIL_CERTIFICATE" not in names(PortalSettings) | names(HookSettings)
    assert "SAFEMAIL_KEYS" not in names(HookSettings)
    assert all("SAFEMAIL_DATABASE" in names(role) for role in ROLES.values())
