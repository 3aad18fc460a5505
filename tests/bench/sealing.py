"""The sealing path: mail streamed, header filtered, scanned, sealed, on disk; against sealing alone and against disk.

Sealing alone keeps what it made, as a path without a disk would: thrown away at once, the pieces lie in the processor's
cache, and the figure is the bare cipher's, which is measured against openssl.
"""

import asyncio
import base64
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from statistics import median

from service.blobs import Blobs
from service.core.limits import MEBIBYTE
from service.mime.headers import HeaderFilter
from service.mime.index import MailIndexer
from service.vault.stream import Sealer, context, new_data_key
from tests.bench.rows import Row, best_of, spread, taken

CHUNK = 65_536
RUNS = 5
CIPHER_RUNS = 20
PLACE = context("0" * 32, "source")


def big_mail(decoded_bytes: int = 35 * MEBIBYTE) -> bytes:
    """Make a mail with one base64 attachment of random bytes."""
    head = (
        b"From: a@ct.gov\r\nTo: b@example.com\r\nSubject: [secure] big\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n'
        b"--b\r\nContent-Type: application/octet-stream; name=big.bin\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=big.bin\r\n\r\n"
    )
    return head + base64.encodebytes(os.urandom(decoded_bytes)).replace(b"\n", b"\r\n") + b"\r\n--b--\r\n"


def chunks_of(mail: bytes) -> list[bytes]:
    return [mail[at : at + CHUNK] for at in range(0, len(mail), CHUNK)]


async def _whole_path(chunks: list[bytes], folder: Path) -> None:
    blobs = Blobs(f"file://{folder}")
    sealer, shown, indexer = Sealer(new_data_key(), PLACE), HeaderFilter(), MailIndexer()

    async def sealed() -> AsyncIterator[bytes]:
        for chunk in chunks:
            clear = shown.feed(chunk)
            indexer.feed(clear)
            yield sealer.update(clear)
        clear = shown.close()
        indexer.feed(clear)
        yield sealer.update(clear) + sealer.finalize()

    await blobs.put(Blobs.new_key(), sealed())
    indexer.close()


def _seal_and_keep(chunks: list[bytes]) -> list[bytes]:
    sealer = Sealer(new_data_key(), PLACE)
    kept = [sealer.update(chunk) for chunk in chunks]
    return [*kept, sealer.finalize()]


def _seal_and_drop(chunks: list[bytes]) -> None:
    sealer = Sealer(new_data_key(), PLACE)
    for chunk in chunks:
        sealer.update(chunk)
    sealer.finalize()


def _index_alone(chunks: list[bytes]) -> None:
    indexer = MailIndexer()
    for chunk in chunks:
        indexer.feed(chunk)
    indexer.close()


def _write_alone(chunks: list[bytes], folder: Path) -> None:
    path = folder / "written"
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _openssl_bytes_per_second() -> float | None:
    if shutil.which("openssl") is None:
        return None
    ended = subprocess.run(
        ["openssl", "speed", "-seconds", "1", "-bytes", "16384", "-evp", "aes-256-gcm"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"(?i)aes-256-gcm\s+([\d.]+)k", ended.stdout)
    return float(found.group(1)) * 1000 if found else None


def rows() -> Iterator[Row]:
    """Measure over one 35 MB mail (50 MB on the wire), all in this process."""
    mail = big_mail()
    chunks = chunks_of(mail)
    folder = Path(tempfile.mkdtemp(prefix="safemail-bench-"))
    try:
        whole = taken(RUNS, lambda: asyncio.run(_whole_path(chunks, folder)))
        disk = taken(RUNS, lambda: _write_alone(chunks, folder))
    finally:
        shutil.rmtree(folder)
    kept = taken(RUNS, lambda: _seal_and_keep(chunks))
    indexed = taken(RUNS, lambda: _index_alone(chunks))
    what = "sealing path, 35 MB mail: streamed, scanned, sealed, fsynced"
    note = f"median of {spread(whole, 's')}"
    yield Row(what, median(whole), "s", "sealing alone, output kept", median(kept), note)
    yield Row(what, median(whole), "s", "writing and fsyncing as many bytes", median(disk), spread(disk, "s"))
    of = "of which the index: parts found, decoded, hashed"
    yield Row(of, median(indexed), "s", "sealing alone, output kept", median(kept), spread(indexed, "s"))
    if speed := _openssl_bytes_per_second():
        # by processor time, as openssl counts its own: the clock would count what else the machine does
        dropped = best_of(CIPHER_RUNS, lambda: _seal_and_drop(chunks), time.process_time) / len(mail) * 1e9
        against = "openssl speed -evp aes-256-gcm, 16 KiB"
        yield Row(
            "the cipher by itself, output dropped",
            dropped,
            "ns a byte",
            against,
            1e9 / speed,
            f"best of {CIPHER_RUNS}, processor time",
        )
