"""One pass over a mail: what is sealed is what recipients may see, whatever the pieces it comes in."""

from collections.abc import AsyncIterator

import pytest

from service.blobs import Blobs
from service.errors import TooBig
from service.intake.sealing import Incoming
from service.vault.stream import context, open_sealed

MAIL = (
    b"Received: from inside by inside\r\nX-Safemail-Intake: v1-secret\r\nFrom: alice@ct.gov\r\nBcc: eve@example.net\r\n"
    b"Subject: [secure] Hello\r\n\r\nGood day.\r\n"
)
SEEN = b"From: alice@ct.gov\r\nSubject: [secure] Hello\r\n\r\nGood day.\r\n"


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def sealed(incoming: Incoming, longest: int = 1_000) -> bytes:
    return b"".join([piece async for piece in incoming.sealed(longest)])


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_pieces_change_nothing(size: int):
    incoming = Incoming("0" * 32, pieces(MAIL, size))
    assert (await incoming.header()).startswith(b"Received:")
    blob = await sealed(incoming)
    assert open_sealed(incoming.content_key, context("0" * 32, "source"), blob) == SEEN
    assert incoming.mail is not None
    assert (incoming.mail.subject, incoming.mail.length) == ("[secure] Hello", len(SEEN))


async def test_offsets_are_those_of_what_was_sealed():
    incoming = Incoming("0" * 32, pieces(MAIL, 50))
    blob = await sealed(incoming)
    clear = open_sealed(incoming.content_key, context("0" * 32, "source"), blob)
    assert incoming.mail is not None
    (part,) = incoming.mail.parts
    assert clear[part.offset : part.offset + part.length] == b"Good day.\r\n"


async def test_an_empty_item_is_a_mail_without_anything():
    incoming = Incoming("0" * 32, pieces(b"", 1))
    assert await incoming.header() == b""
    await sealed(incoming)
    assert incoming.mail is not None


async def test_over_the_limit_nothing_is_kept(blobs: Blobs, tmp_path):
    incoming = Incoming("0" * 32, pieces(MAIL, 50))
    with pytest.raises(TooBig) as caught:
        await blobs.put(blobs.new_key(), incoming.sealed(10))
    assert caught.value.over_by == 1
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
