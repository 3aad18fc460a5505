"""Seal a stream, and open it whole or by ranges.

    blob = 0x01 ‖ salt(24) ‖ commitment(32) ‖ chunk … chunk
    chunk = AES-256-GCM of ≤ 16,384 clear bytes ‖ tag(16); only the last is shorter, and a last one always comes

The scheme behind format byte 0x01 is C2SP chunked encryption as `cryptography.cobblestone` ships it
(https://c2sp.org/chunked-encryption): keys by HKDF-Expand-SHA-512 from the data key, salt and context; nonce = base ⊕
counter. Cutting, reordering, splicing and another context are errors. The context names message, blob and version, so
that bytes moved to another row open nothing. A range is opened by `open_range`, our reader after the same
specification; tests hold it to the library.
"""

from collections.abc import AsyncIterable, AsyncIterator

from cryptography import cobblestone
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from service.core.ranges import ReadRange
from service.errors import SealBroken
from service.vault.types import DataKey, Sealed

FORMAT = b"\x01"
SALT_BYTES = 24
COMMITMENT_BYTES = 32
HEAD_BYTES = len(FORMAT) + SALT_BYTES + COMMITMENT_BYTES
CHUNK_BYTES = 16_384
TAG_BYTES = 16
KEY_BYTES = 32
NONCE_BYTES = 12
INFO = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
"""Prefix of the key derivation: https://c2sp.org/chunked-encryption, "Key derivation"."""


def new_data_key() -> DataKey:
    return DataKey(cobblestone.Cobblestone256Encryptor.generate_key())


def context(message_id: str, blob: str) -> bytes:
    """Bind sealed bytes to their place: `message_id` is the message's uuid as hex, `blob` its name in the message."""
    return f"safemail/v1/{message_id}/{blob}".encode()


class Sealer:
    """Seal one blob, piece by piece. One instance per blob: the salt is new each time."""

    def __init__(self, key: DataKey, place: bytes) -> None:
        self._inner = cobblestone.Cobblestone256Encryptor(key, place)
        self._head = FORMAT

    def update(self, clear: bytes) -> bytes:
        out = self._head + bytes(self._inner.update(clear))
        self._head = b""
        return out

    def finalize(self) -> bytes:
        out = self._head + bytes(self._inner.finalize())
        self._head = b""
        return out


class Opener:
    """Open one blob, piece by piece. What `update` returned is authentic; only `finalize` says that it is complete."""

    def __init__(self, key: DataKey, place: bytes) -> None:
        self._inner = cobblestone.Cobblestone256Decryptor(key, place)
        self._started = False

    def update(self, sealed: bytes) -> bytes:
        """Raises SealBroken."""
        if not self._started and sealed:
            if sealed[:1] != FORMAT:
                raise SealBroken
            self._started, sealed = True, sealed[1:]
        try:
            return bytes(self._inner.update(sealed))
        except (InvalidTag, ValueError) as exc:
            raise SealBroken from exc

    def finalize(self) -> bytes:
        """Raises SealBroken where the end is missing."""
        try:
            return bytes(self._inner.finalize())
        except (InvalidTag, ValueError) as exc:
            raise SealBroken from exc


def seal(key: DataKey, place: bytes, clear: bytes) -> Sealed:
    sealer = Sealer(key, place)
    return Sealed(sealer.update(clear) + sealer.finalize())


def open_sealed(key: DataKey, place: bytes, sealed: bytes) -> bytes:
    """Raises SealBroken."""
    opener = Opener(key, place)
    return opener.update(sealed) + opener.finalize()


async def open_stream(key: DataKey, place: bytes, sealed: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Open a blob as it is read. Raises SealBroken, possibly after authentic bytes were given out: then abort."""
    opener = Opener(key, place)
    async for piece in sealed:
        clear = opener.update(piece)
        if clear:
            yield clear
    if rest := opener.finalize():
        yield rest


def sealed_length(clear_length: int) -> int:
    """Return how many bytes a blob of so many clear bytes takes."""
    return HEAD_BYTES + clear_length + (clear_length // CHUNK_BYTES + 1) * TAG_BYTES


async def open_range(key: DataKey, place: bytes, read: ReadRange, offset: int, length: int) -> AsyncIterator[bytes]:
    """Open `length` clear bytes from `offset`, a few chunks at a time.

    Proves that what it gives out is authentic and in its place, not that the blob is whole: who wants that reads all.

    Raises:
        SealBroken: the range is not there or does not open.
    """
    head = await read(0, HEAD_BYTES)
    aead, nonce_base = _chunk_key(key, place, head)
    index, skip = divmod(offset, CHUNK_BYTES)
    while length > 0:
        count = min(16, (skip + length + CHUNK_BYTES - 1) // CHUNK_BYTES)
        step = CHUNK_BYTES + TAG_BYTES
        sealed = await read(HEAD_BYTES + index * step, count * step)
        clear = b"".join(
            _open_chunk(aead, nonce_base, index + n, sealed[n * step : (n + 1) * step])
            for n in range((len(sealed) + step - 1) // step)
        )[skip : skip + length]
        if not clear:
            raise SealBroken
        yield clear
        length -= len(clear)
        index, skip = index + count, 0


def _chunk_key(key: DataKey, place: bytes, head: bytes) -> tuple[AESGCM, int]:
    if len(head) != HEAD_BYTES or head[:1] != FORMAT:
        raise SealBroken
    salt, commitment = head[1 : 1 + SALT_BYTES], head[1 + SALT_BYTES :]
    derived = HKDFExpand(
        algorithm=hashes.SHA512(), length=KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES, info=INFO + salt + place
    ).derive(key)
    if not bytes_eq(derived[KEY_BYTES + NONCE_BYTES :], commitment):
        raise SealBroken
    return AESGCM(derived[:KEY_BYTES]), int.from_bytes(derived[KEY_BYTES : KEY_BYTES + NONCE_BYTES], "big")


def _open_chunk(aead: AESGCM, nonce_base: int, index: int, sealed: bytes) -> bytes:
    nonce = (nonce_base ^ index).to_bytes(NONCE_BYTES, "big")
    try:
        return aead.decrypt(nonce, sealed, None)
    except (InvalidTag, ValueError) as exc:
        raise SealBroken from exc
