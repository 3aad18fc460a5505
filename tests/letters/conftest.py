import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from service.blobs import Blobs
from service.db.engine import Database
from service.mime.writer import Outgoing
from service.vault.ring import KeyRing
from tests.letters.builders import Post

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
async def post(sqlite_url: str, rings: dict[str, KeyRing], blobs: Blobs) -> AsyncIterator[Post]:
    db = Database(sqlite_url)
    async with db.reading() as session:
        yield Post(session, rings, blobs)
    await db.close()


@pytest.fixture
def golden() -> Callable[[str, Outgoing], None]:
    """Compare with the files that a person has read; GOLDEN=write writes them anew, to be read again."""

    def compare(name: str, mail: Outgoing) -> None:
        head = [
            f"Subject: {mail.subject}",
            f"From: {mail.from_.name} <{mail.from_.address}>",
            *(f"To: {person.name} <{person.address}>" for person in mail.to),
            *(f"Cc: {person.name} <{person.address}>" for person in mail.cc),
            *(f"Reply-To: {person.name} <{person.address}>" for person in mail.reply_to),
            *(f"{field}: {value}" for field, value in mail.headers),
        ]
        for path, content in (
            (GOLDEN / f"{name}.txt", "\n".join(head) + "\n\n" + mail.text),
            (GOLDEN / f"{name}.html", mail.html),
        ):
            if os.environ.get("GOLDEN") == "write":
                path.write_text(content, encoding="utf-8")
            assert content == path.read_text(encoding="utf-8"), path.name

    return compare
