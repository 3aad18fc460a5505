"""The command as an administrator meets it: a clear word where something is missing, and nothing overwritten."""

import os
import subprocess
import sys
from pathlib import Path


def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SAFEMAIL_")}
    given = {f"SAFEMAIL_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *words], env=plain | given, capture_output=True, text=True, check=False
    )


def test_a_key_ring_is_made_once(tmp_path: Path) -> None:
    ring = str(tmp_path / "keys")
    assert run("keys", "init", "--ring", ring).returncode == 0
    before = {path: path.read_bytes() for path in Path(ring).rglob("*.pem")}
    again = run("keys", "init", "--ring", ring)
    assert again.returncode == 1
    assert "nothing was changed" in again.stderr
    assert {path: path.read_bytes() for path in Path(ring).rglob("*.pem")} == before
    listed = run("keys", "list", "--ring", ring).stdout
    assert "hook     no key" in listed


def test_a_role_does_not_start_on_missing_tables(tmp_path: Path) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path / 'new.db'}"
    settings = {"DATABASE": database, "PUBLIC_URL": "https://safemail.ct.gov", "TENANT": "t"}
    refused = run("hook", **settings)
    assert refused.returncode == 1
    assert "safemail db upgrade" in refused.stderr
    assert run("db", "upgrade", DATABASE=database).returncode == 0


def test_a_wrong_setting_is_named_and_its_value_is_not(tmp_path: Path) -> None:
    refused = run("hook", DATABASE=f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", PUBLIC_URL="http://planted.example")
    assert refused.returncode == 1
    assert "SAFEMAIL_PUBLIC_URL" in refused.stderr
    assert "planted" not in refused.stderr


def test_unlocking_nobody_says_so(tmp_path: Path) -> None:
    database, ring = f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", str(tmp_path / "keys")
    run("keys", "init", "--ring", ring)
    run("db", "upgrade", DATABASE=database)
    refused = run("account", "unlock", "nobody@example.com", "--ring", f"{ring}/admin", DATABASE=database)
    assert refused.returncode == 1
    assert "No account" in refused.stderr
    refused = run("account", "codes-off", "nobody@example.com", "--ring", f"{ring}/admin", DATABASE=database)
    assert refused.returncode == 1
    assert "asks for codes" in refused.stderr
