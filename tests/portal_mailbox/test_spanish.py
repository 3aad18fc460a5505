"""Every word of the mailbox is there in Spanish."""

import re
from io import BytesIO
from pathlib import Path

from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import service.portal
from service.blobs import Blobs
from service.db.engine import Database
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed

PORTAL = Path(service.portal.__file__).parent
PLACE = re.compile(r"%\(\w+\)s")


def messages() -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = {("Text of the message",)}
    for path in (PORTAL / "templates" / "mailbox").glob("*.html"):
        with path.open("rb") as file:
            for _, _, said, _ in babel_extract(file, ("_", "ngettext"), [], {"encoding": "utf-8"}):
                pieces = (said,) if isinstance(said, str) else said or ()
                found.add(tuple(one for one in pieces if isinstance(one, str)))
    return found


def test_every_word_has_its_spanish_with_the_same_places() -> None:
    spanish: dict[str, tuple[str, ...]] = {}
    for path in (PORTAL / "locale").glob("es*.po"):
        for entry in read_po(BytesIO(path.read_bytes()), locale="es"):
            english = entry.id if isinstance(entry.id, str) else entry.id[0]
            spanish[english] = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
    assert len(messages()) > 90
    for said in messages():
        assert said[0] in spanish
        for english, translated in zip(said, spanish[said[0]], strict=True):
            assert translated
            assert sorted(PLACE.findall(english)) == sorted(PLACE.findall(translated))


async def test_the_pages_speak_spanish(
    bob: Signed, db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock
) -> None:
    mail = await a_sealed_mail(db, rings, blobs, with_files(), now=clock.now)
    address = f"/m/{mail.deliveries[BOB].hex}"
    for path, words in (
        ("/inbox", "1 no leído"),
        (address, "Comprobado: enviado desde dentro del Estado de Connecticut"),
        (f"{address}/reply-all", "No se incluye:"),
    ):
        page = await (await bob.get(f"{path}?lang=es")).get_data(as_text=True)
        assert words in page
        assert '<html lang="es"' in page
