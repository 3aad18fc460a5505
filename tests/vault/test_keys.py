import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.errors import SealBroken
from service.vault.box import open_box, seal_box
from service.vault.passwords import Cost, hash_password, is_password, needs_rehash
from service.vault.people import (
    PUBLIC_BYTES,
    new_recipient_key,
    seal_keys_to_recipient,
    seal_to_recipient,
    unwrap_recipient_key,
)
from service.vault.ring import ROLES, WRAP_LONGEST, KeyRing, RingBroken, make_ring
from service.vault.stream import new_data_key
from service.vault.tokens import hash_token, new_code, new_token

NOW = datetime(2026, 11, 18, tzinfo=UTC)
CHEAP = Cost(memory_kib=8, time=1)
BOB, CAROL = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, KeyRing]:
    folder = tmp_path_factory.mktemp("ring") / "keys"
    make_ring(folder, NOW)
    return {role: KeyRing(folder / role) for role in ROLES}


def test_each_role_holds_only_its_own_keys(rings: dict[str, KeyRing]) -> None:
    held = {role: ring.names() for role, ring in rings.items()}
    assert held == {
        "portal": ["admin-2026-W47", "index", "mailer-2026-W47", "pepper", "portal-2026-W47 (private)"],
        "hook": [],
        "sync": ["admin-2026-W47", "index", "mailer-2026-W47 (private)", "portal-2026-W47"],
        "admin": ["admin-2026-W47 (private)", "index", "mailer-2026-W47"],
    }


def test_a_second_ring_never_overwrites_the_first(tmp_path: Path) -> None:
    make_ring(tmp_path / "keys", NOW)
    with pytest.raises(FileExistsError):
        make_ring(tmp_path / "keys", NOW)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "keys").rglob("*"))


def test_sync_seals_to_a_recipient_and_only_the_portal_opens(rings: dict[str, KeyRing]) -> None:
    public, wrapped = new_recipient_key(rings["sync"].wrapper("portal"), b"r" * 16)
    assert len(public) == PUBLIC_BYTES
    content, sheet = new_data_key(), new_data_key()
    sealed = seal_keys_to_recipient(public, "ab" * 16, content, sheet)
    with pytest.raises(RingBroken):
        rings["sync"].unwrapper("portal-2026-W47")
    portal = rings["portal"].unwrapper("portal-2026-W47")
    key = unwrap_recipient_key(portal, wrapped, b"r" * 16)
    for other in (b"s" * 16, b""):
        with pytest.raises(SealBroken):
            unwrap_recipient_key(portal, wrapped, other)
    assert key.open_keys("ab" * 16, sealed) == (content, sheet)
    with pytest.raises(SealBroken):
        key.open_keys("cd" * 16, sealed)
    with pytest.raises(SealBroken):
        key.open("hint", seal_to_recipient(public, "name", b"Rosa"))


def test_a_box_opens_in_its_place_and_for_its_role_only(rings: dict[str, KeyRing]) -> None:
    box = seal_box(rings["portal"], "mailer", "outbox/1", b"rosa@example.com")
    assert open_box(rings["sync"], "outbox/1", box) == b"rosa@example.com"
    with pytest.raises(SealBroken):
        open_box(rings["sync"], "outbox/2", box)
    with pytest.raises(SealBroken):
        open_box(rings["sync"], "outbox/1", box[:100])
    for role in ("portal", "admin", "hook"):
        with pytest.raises(RingBroken):
            open_box(rings[role], "outbox/1", box)


def test_wrapping_has_a_limit(rings: dict[str, KeyRing]) -> None:
    wrapper = rings["portal"].wrapper("mailer")
    wrapper.wrap(b"x" * WRAP_LONGEST)
    with pytest.raises(ValueError, match="too long"):
        wrapper.wrap(b"x" * (WRAP_LONGEST + 1))


def test_only_sync_signs_and_the_portal_checks(rings: dict[str, KeyRing]) -> None:
    signature = rings["sync"].sign(b"sheet")
    rings["portal"].check(b"sheet", signature)
    with pytest.raises(SealBroken):
        rings["portal"].check(b"other", signature)
    with pytest.raises(RingBroken):
        rings["portal"].sign(b"sheet")


def test_digests_differ_by_purpose_and_key(rings: dict[str, KeyRing]) -> None:
    portal, sync = rings["portal"], rings["sync"]
    assert portal.digest("index", "address", "a@b.c") == sync.digest("index", "address", "a@b.c")
    assert portal.digest("index", "address", "a@b.c") != portal.digest("index", "subject", "a@b.c")
    with pytest.raises(RingBroken):
        sync.digest("pepper", "password", "x")


def test_passwords(rings: dict[str, KeyRing]) -> None:
    ring = rings["portal"]
    stored = hash_password(ring, "correct horse battery", BOB, CHEAP)
    assert is_password(ring, "correct horse battery", BOB, stored)
    assert not is_password(ring, "correct horse battery", CAROL, stored)
    assert not is_password(ring, "correct horse batterx", BOB, stored)
    assert stored != hash_password(ring, "correct horse battery", BOB, CHEAP)
    assert is_password(
        ring, "ﬁne horse battery", BOB, hash_password(ring, "fine horse battery", BOB, CHEAP)
    )  # NFKC twins
    assert not is_password(ring, "x", BOB, "not what we store")
    assert needs_rehash(stored, Cost())
    assert not needs_rehash(stored, CHEAP)


def test_tokens_and_codes_are_random_and_stored_hashed() -> None:
    token, stored = new_token()
    assert hash_token(token) == stored
    assert len(token) == 43
    assert len({new_token()[0] for _ in range(100)}) == 100
    assert all(len(code) == 6 and code.isdigit() for code in (new_code() for _ in range(100)))
