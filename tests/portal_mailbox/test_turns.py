"""Whoever asks for much at once waits for themselves, and holds up nobody else."""

import pytest
from quart import Quart

from service.blobs import Blobs
from service.db.engine import Database
from service.mailbox.search import SearchGate
from service.portal.mailbox import turns
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, SealedMail, a_sealed_mail
from tests.portal_mailbox.conftest import HTML, Signed


@pytest.fixture
async def mail(db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock) -> SealedMail:
    return await a_sealed_mail(db, rings, blobs, to=(BOB, CAROL), now=clock.now)


@pytest.mark.parametrize("page", ["body", "text", "print", "link/1", "text/link/1"])
async def test_one_text_of_each_reader_is_cleaned_at_a_time(
    app: Quart, bob: Signed, carol: Signed, mail: SealedMail, page: str
) -> None:
    gate = app.extensions[turns.GATE] = SearchGate(2, wait_seconds=0.05)
    async with gate.turn(bob.recipient_id):
        assert (await bob.get(f"/m/{mail.deliveries[BOB].hex}/{page}")).status_code == 503
        assert (await carol.get(f"/m/{mail.deliveries[CAROL].hex}/{page}")).status_code in {200, 404}
    assert (await bob.get(f"/m/{mail.deliveries[BOB].hex}/{page}")).status_code in {200, 404}


@pytest.mark.parametrize("kind", ["zip", "mbox"])
async def test_one_export_of_each_reader_runs_at_a_time(
    app: Quart, bob: Signed, carol: Signed, mail: SealedMail, kind: str
) -> None:
    del mail
    gate = app.extensions[turns.EXPORTS] = SearchGate(2, wait_seconds=0.05)
    async with gate.turn(bob.recipient_id):
        assert (await bob.get(f"/preferences/data/mail.{kind}")).status_code == 503
        assert (await carol.get(f"/preferences/data/mail.{kind}")).status_code == 200
    for _ in range(2):
        whole = await bob.get(f"/preferences/data/mail.{kind}")
        assert (whole.status_code, b"Message-ID" in await whole.get_data(as_text=False)) == (200, kind == "mbox")


async def test_markup_that_is_written_waits_too(app: Quart, bob: Signed, mail: SealedMail) -> None:
    gate = app.extensions[turns.GATE] = SearchGate(2, wait_seconds=0.05)
    path, fields = f"/m/{mail.deliveries[BOB].hex}/reply", {"text": "x", "html": HTML, "do": "save"}
    async with gate.turn(bob.recipient_id):
        assert (await bob.post(path, fields)).status_code == 503
    assert (await bob.post(path, fields)).status_code == 303
