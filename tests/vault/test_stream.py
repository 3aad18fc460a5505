from collections.abc import AsyncIterator

import pytest

from service.errors import SealBroken
from service.vault.stream import (
    CHUNK_BYTES,
    HEAD_BYTES,
    Opener,
    Sealer,
    context,
    new_data_key,
    open_range,
    open_sealed,
    open_stream,
    seal,
    sealed_length,
)

PLACE = context("0" * 32, "source")
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 40 * CHUNK_BYTES + 5]


def clear_bytes(size: int) -> bytes:
    return bytes(n * 31 % 251 for n in range(size))


def reader(blob: bytes):
    async def read(offset: int, length: int) -> bytes:
        return blob[offset : offset + length]

    return read


async def read_range(key, blob: bytes, offset: int, length: int, place: bytes = PLACE) -> bytes:
    return b"".join([piece async for piece in open_range(key, place, reader(blob), offset, length)])


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_sealed_opens_whole_and_by_ranges(size: int) -> None:
    key, clear = new_data_key(), clear_bytes(size)
    blob = seal(key, PLACE, clear)
    assert len(blob) == sealed_length(size)
    assert open_sealed(key, PLACE, blob) == clear
    for offset, length in [(0, size), (size // 2, size - size // 2), (max(0, size - 3), min(3, size))]:
        assert await read_range(key, blob, offset, length) == clear[offset : offset + length]


@pytest.mark.parametrize("size", SIZES)
def test_any_chunking_seals_to_what_opens(size: int) -> None:
    key, clear = new_data_key(), clear_bytes(size)
    sealer = Sealer(key, PLACE)
    blob = b"".join(sealer.update(clear[at : at + 777]) for at in range(0, size, 777)) + sealer.finalize()
    opener = Opener(key, PLACE)
    assert b"".join(opener.update(blob[at : at + 13]) for at in range(0, len(blob), 13)) + opener.finalize() == clear


async def test_a_stream_opens_as_it_is_read() -> None:
    key, clear = new_data_key(), clear_bytes(5 * CHUNK_BYTES + 1)
    blob = seal(key, PLACE, clear)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(blob), 5000):
            yield blob[at : at + 5000]

    assert b"".join([piece async for piece in open_stream(key, PLACE, pieces())]) == clear


def test_every_changed_byte_is_noticed() -> None:
    key = new_data_key()
    blob = seal(key, PLACE, b"a small secret")
    for at in range(len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        with pytest.raises(SealBroken):
            open_sealed(key, PLACE, changed)


@pytest.mark.parametrize("size", SIZES)
def test_a_cut_blob_is_refused(size: int) -> None:
    key = new_data_key()
    blob = seal(key, PLACE, clear_bytes(size))
    step = CHUNK_BYTES + 16
    for end in {0, 1, HEAD_BYTES, len(blob) - 1, HEAD_BYTES + (len(blob) - HEAD_BYTES - 1) // step * step}:
        with pytest.raises(SealBroken):
            open_sealed(key, PLACE, blob[:end])


async def test_swapped_and_appended_chunks_are_refused() -> None:
    key = new_data_key()
    blob = seal(key, PLACE, clear_bytes(3 * CHUNK_BYTES))
    step = CHUNK_BYTES + 16
    first, second = blob[HEAD_BYTES : HEAD_BYTES + step], blob[HEAD_BYTES + step : HEAD_BYTES + 2 * step]
    swapped = blob[:HEAD_BYTES] + second + first + blob[HEAD_BYTES + 2 * step :]
    for bad in (swapped, blob + b"x", blob + first):
        with pytest.raises(SealBroken):
            open_sealed(key, PLACE, bad)
    with pytest.raises(SealBroken):
        await read_range(key, swapped, 0, 10)


async def test_another_key_place_or_format_opens_nothing() -> None:
    key = new_data_key()
    blob = seal(key, PLACE, b"a small secret")
    for other_key, place, bytes_ in [
        (new_data_key(), PLACE, blob),
        (key, context("1" * 32, "source"), blob),
        (key, context("0" * 32, "sheet"), blob),
        (key, PLACE, b"\x02" + blob[1:]),
    ]:
        with pytest.raises(SealBroken):
            open_sealed(other_key, place, bytes_)
        with pytest.raises(SealBroken):
            await read_range(other_key, bytes_, 0, 5, place)


async def test_a_range_past_the_end_is_refused() -> None:
    key = new_data_key()
    blob = seal(key, PLACE, clear_bytes(100))
    with pytest.raises(SealBroken):
        await read_range(key, blob, 90, 20)
