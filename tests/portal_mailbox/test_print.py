"""The page to print: our head over the mail's text, and no mail gets over our head."""

import re
import uuid

import pytest

from service.blobs import Blobs
from service.core.sheet import Person
from service.db.engine import Database
from service.db.tables import Delivery
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed

Rings = dict[str, KeyRing]
FILES = [("Form é.pdf", "application/pdf", b"%PDF" * 999), ("run.exe", "application/x-msdownload", b"MZ")]


@pytest.fixture
async def page(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> str:
    html = (
        "<style>body{margin-top:-400px} h1,dl,.sm-head,.sm-held{display:none} p{color:#fff}</style><p>Good morning</p>"
    )
    eml = with_files(*FILES, html=html).replace(b"With files", b"<b>With</b> files")
    sender = Person("Alice <i>Example</i>", "alice@ct.gov")
    mail = await a_sealed_mail(db, rings, blobs, eml, to=(BOB, CAROL), now=clock.now, sender=sender)
    return f"/m/{mail.deliveries[BOB].hex}/print"


async def test_it_says_who_what_until_when_and_which_files(bob: Signed, page: str) -> None:
    text = await (await bob.get(page)).get_data(as_text=True)
    head = text[text.index("<header") : text.index("</header>")]
    assert "<h1>[secure] &lt;b&gt;With&lt;/b&gt; files</h1>" in head
    assert "<bdi>Alice &lt;i&gt;Example&lt;/i&gt;</bdi> &lt;alice@ct.gov&gt;" in head
    for words in ("pat@gmail.example", "December 24, 2026", "Form é.pdf", "(4 KB)", "run.exe", "Checked: sent from"):
        assert words in head
    assert "<p>Good morning</p>" in text
    assert "sm-bar" not in text
    assert "<script" not in text


async def test_it_stands_under_the_policy_of_the_frame(bob: Signed, page: str) -> None:
    for query, pictures in (("", "img-src data:;"), ("?images=1", "img-src data: https:;")):
        answer = await bob.get(page + query)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src")
        assert pictures in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_rules_of_the_mail_reach_its_own_text_only(bob: Signed, page: str) -> None:
    text = await (await bob.get(page)).get_data(as_text=True)
    theirs = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert ".sm-mail{margin-top:-400px}" in theirs
    assert "sm-head" not in theirs
    assert "sm-held" not in theirs
    assert all(rule.startswith(".sm-mail") for rule in re.findall(r"[^{},]+(?=[,{])", theirs.replace("\n", "")))
    assert re.search(r'</header>\s*<div class="sm-held">\s*<main class="sm-mail">', text)


async def test_printing_is_no_showing(bob: Signed, page: str, db: Database) -> None:
    await bob.get(page)
    async with db.reading() as session:
        delivery = await session.get(Delivery, uuid.UUID(page.split("/")[2]))
    assert delivery is not None
    assert delivery.read_at is None


async def test_it_is_nobody_else_s(carol: Signed, page: str) -> None:
    assert (await carol.get(page)).status_code == 404


async def test_it_speaks_spanish(bob: Signed, page: str) -> None:
    text = await (await bob.get(f"{page}?lang=es")).get_data(as_text=True)
    assert "Disponible hasta" in text
    assert '<html lang="es">' in text
