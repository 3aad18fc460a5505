"""Sealed samples of every version ever released must open for ever: never change a file in tests/vectors."""

import json
import uuid
from pathlib import Path

import pytest

from service.vault.box import open_box
from service.vault.passwords import is_password
from service.vault.people import unwrap_recipient_key
from service.vault.ring import KeyRing
from service.vault.stream import open_range, open_sealed
from service.vault.types import DataKey, Wrapped

VECTORS = Path(__file__).parents[1] / "vectors"
FILES = sorted(VECTORS.glob("v*.json"))


def test_there_is_a_sample_of_this_version() -> None:
    assert [path.stem for path in FILES] == ["v1"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_streams_open_for_ever(path: Path) -> None:
    for sample in json.loads(path.read_text())["streams"]:
        key, place = DataKey(bytes.fromhex(sample["key"])), sample["place"].encode()
        sealed, clear = bytes.fromhex(sample["sealed"]), bytes.fromhex(sample["clear"]) * sample["times"]
        assert open_sealed(key, place, sealed) == clear

        async def read(offset: int, length: int, sealed: bytes = sealed) -> bytes:
            return sealed[offset : offset + length]

        tail = clear[len(clear) // 2 :]
        assert b"".join([piece async for piece in open_range(key, place, read, len(clear) // 2, len(tail))]) == tail


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_keys_boxes_and_passwords_open_for_ever(path: Path, tmp_path: Path) -> None:
    vectors = json.loads(path.read_text())
    for name, content in vectors["ring"].items():
        (tmp_path / name).write_bytes(bytes.fromhex(content))
    ring = KeyRing(tmp_path)
    person = vectors["recipient"]
    wrapped = Wrapped(bytes.fromhex(person["private_wrapped"]))
    key = unwrap_recipient_key(ring.unwrapper(person["wrapped_by"]), wrapped, bytes.fromhex(person["id"]))
    content, sheet = key.open_keys(person["message"], bytes.fromhex(person["keys"]))
    assert [content.hex(), sheet.hex()] == person["opened"]
    assert open_box(ring, vectors["box"]["place"], bytes.fromhex(vectors["box"]["sealed"])) == b"rosa@example.com"
    owned, first = vectors["owned_password"], vectors["password"]
    owner = uuid.UUID(hex=owned["owner"])
    assert is_password(ring, owned["clear"], owner, owned["stored"])
    assert not is_password(ring, first["clear"], owner, first["stored"])  # of 0.1.0: it names no owner
    ring.check(b"sheet", bytes.fromhex(vectors["signature"]))
    assert ring.digest("index", "address", "rosa@example.com").hex() == vectors["index"]
