"""Help: every topic answers in both languages, what is asked is found, and a notice is told from a fake."""

import logging
import re
import uuid
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select, update

import service.portal
from service.blobs import Blobs
from service.core.folding import QUERY_CHARACTERS
from service.core.limits import RETENTION
from service.core.references import shown
from service.db.engine import Database
from service.db.tables import Delivery, Message
from service.portal.app import create_app
from service.portal.assets import read_assets
from service.portal.help.answers import Answer
from service.portal.help.search import EXCERPT, find, fold_each
from service.portal.help.topics import topics
from service.settings import PortalSettings
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL
from tests.portal.conftest import Browser, GiveNotice, Notice, Register, Seen

TEMPLATES = Path(service.portal.__file__).parent / "templates"
TOPICS = [topic.name for topic in topics()]
YES = "Yes, we sent a notice with this reference on "
NO = "We do not know this reference."


async def reference_of(db: Database, notice: Notice) -> str:
    async with db.reading() as session:
        found = await session.scalar(select(Message.reference).join(Delivery).where(Delivery.id == notice.delivery_id))
    assert found
    return found


async def notified(db: Database, notice: Notice, clock: Clock) -> None:
    async with db.writing() as session:
        await session.execute(update(Delivery).where(Delivery.id == notice.delivery_id).values(notified_at=clock.now))


async def check(browser: Browser, reference: str) -> Seen:
    await browser.get("/help/real")
    return await browser.post("/help/real", reference=reference)


# ---- the pages ----


@pytest.mark.parametrize("topic", TOPICS)
async def test_every_topic_answers_alike_in_both_languages(browser: Browser, topic: str) -> None:
    english = await browser.get(f"/help/{topic}?lang=en")
    spanish = await browser.get(f"/help/{topic}?lang=es")
    assert (english.status, spanish.status) == (200, 200)
    ids = [re.findall(r'<details class="sm-qa" id="([\w-]+)"', seen.text) for seen in (english, spanish)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == len(set(ids[0])) > 1
    for tag in ("<p>", "<li>", "<img ", "<tr>"):
        assert english.text.count(tag) == spanish.text.count(tag), tag
    for alt in re.findall(r'<figure class="sm-shot"><img [^>]*alt="([^"]*)"', english.text + spanish.text):
        assert len(alt) > 20


async def test_the_centre_leads_to_every_topic_and_to_unfolded_answers(browser: Browser) -> None:
    centre = await browser.get("/help")
    for topic in topics():
        if topic.is_card:
            assert f'href="{topic.place}"' in centre.text
    for place in ("accessibility", "privacy"):
        assert f'id="{place}"' in centre.text
        assert f'href="/help/{place}"' in centre.text
    links = re.findall(r'href="(/help/[\w-]+\?open=[\w-]+#[\w-]+)"', centre.text)
    assert len(links) == 6
    for link in links:
        wanted = link.partition("#")[2]
        page = await browser.get(link.partition("#")[0])
        assert re.search(rf'<details class="sm-qa" id="{wanted}"[^>]* open>', page.text), link


def test_pictures_of_help_are_there_in_both_languages_and_small() -> None:
    assets = read_assets()
    named = {
        name
        for path in (TEMPLATES / "help" / "topics").glob("*.html")
        for name in re.findall(r'picture\("([\w-]+)"', path.read_text(encoding="utf-8"))
    }
    pictures = {name for name in assets.names if name.startswith("help-")}
    assert pictures == {f"help-{name}-{language}.webp" for name in named for language in ("en", "es")}
    sizes = [len(assets.bodies[assets.names[name]][1]) for name in pictures]
    assert min(sizes) > 2_000
    assert sum(sizes) < 600_000


@pytest.mark.parametrize(("topic", "first"), [("keys", "which-keys"), ("accessibility", "works"), ("privacy", "kept")])
async def test_a_page_of_one_matter_shows_it_at_once(browser: Browser, topic: str, first: str) -> None:
    page = await browser.get(f"/help/{topic}")
    assert re.findall(r'<details class="sm-qa" id="([\w-]+)"[^>]* open>', page.text) == [first]


async def test_a_topic_that_is_none_is_the_404(browser: Browser) -> None:
    assert (await browser.get("/help/nothing")).status == 404


async def test_the_mail_to_the_help_desk_has_its_lines(browser: Browser) -> None:
    for language, lines in {
        "en": ["My name:", "My email address:", "What happened:", "Reference in my notice, if I have one:"],
        "es": ["Mi nombre:", "Mi correo electrónico:", "Qué ocurrió:", "Referencia de mi aviso, si tengo una:"],
    }.items():
        page = await browser.get(f"/help?lang={language}")
        link = next(one for one in re.findall(r'href="(mailto:[^"]*)"', page.text) if "body" in one)
        parts = urlsplit(unescape(link))
        assert parts.path == "Best.Helpdesk@ct.gov"
        assert " " not in link
        assert parse_qs(parts.query)["body"][0].rstrip().split("\r\n") == lines


async def test_pages_behind_the_question_mark_lead_to_their_topic(registered: Register, browser: Browser) -> None:
    assert 'href="/help/sign-in" title="Help"' in (await browser.get("/sign-in")).text
    person = await registered()
    for path, topic in {
        "/inbox": "read",
        "/sent": "read",
        "/drafts": "reply",
        person.notice.message: "read",
        f"{person.notice.message}/reply": "reply",
        "/folders": "read",
        "/password": "account",
    }.items():
        page = await person.browser.get(path)
        assert f'href="/help/{topic}" title="Help"' in page.text, path


def test_every_page_names_its_topic() -> None:
    known = {f"/{topic.name}" for topic in topics()}
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if '{% extends "base.html" %}' not in text or path.parent.name == "help" or path.name == "error.html":
            continue
        block = re.search(r"{% block help_topic %}(.+?){% endblock %}", text)
        assert block, path.name
        assert set(re.findall(r"/[\w-]+", block[1])) <= known, path.name


@pytest.mark.parametrize(
    ("changed", "here", "away"),
    [
        ({"account_policy": "modern"}, "It is good for 10 minutes", "Password Hint mails you"),
        ({"account_policy": "legacy"}, "After 60 days you choose a new one", "It is deleted then"),
        ({"reset_unlocks": False}, "to have it unlocked", "Reset your password to unlock it"),
        ({"reset_unlocks": True}, "Reset your password to unlock it", "to have it unlocked"),
        ({"read_with_code": True}, "read it with a mailed code", "It is deleted then"),
        ({"read_with_code": False}, "press <b>Create your account</b>", "read it with a mailed code"),
        ({"inactive": timedelta(days=45)}, "for 45 days is switched off", "90 days"),
        ({"inactive_grace": timedelta()}, "It is deleted then, unless", "days later"),
    ],
)
async def test_what_is_told_is_what_is_set(
    settings: PortalSettings,
    db: Database,
    blobs: Blobs,
    rings: dict[str, KeyRing],
    clock: Clock,
    changed: dict[str, object],
    here: str,
    away: str,
) -> None:
    app = create_app(settings.model_copy(update=changed), db, blobs, rings["portal"], clock)
    page = await Browser(app).get("/help/sign-in")
    assert here in page.text
    assert away not in page.text


async def test_the_days_of_a_message_are_those_of_the_setting(
    settings: PortalSettings, db: Database, blobs: Blobs, rings: dict[str, KeyRing], clock: Clock
) -> None:
    changed = settings.model_copy(update={"retention": timedelta(days=14)})
    app = create_app(changed, db, blobs, rings["portal"], clock)
    assert "14 days from the day it was sent" in (await Browser(app).get("/help/read")).text


# ---- the question field ----


@pytest.mark.parametrize(
    ("language", "asked", "found"),
    [
        ("en", "forgot password", "/help/sign-in?open=forgot#forgot"),
        ("en", "How do I PRINT?", "/help/read?open=print#print"),
        ("en", "shortcuts", "/help/keys?open=which-keys#which-keys"),
        ("en", "files too large", "/help/reply?open=how-big#how-big"),
        ("en", "is it phishing", "/help/real?open=tell#tell"),
        ("en", "delete my account", "/help/account?open=close#close"),
        ("en", "olvidé mi contraseña", "/help/sign-in?open=forgot#forgot"),
        ("es", "forgot password", "/help/sign-in?open=forgot#forgot"),
        ("es", "contrasena olvidada olvide", "/help/sign-in?open=forgot#forgot"),
        ("es", "¿Cómo imprimo?", "/help/read?open=print#print"),
        ("es", "imprimir", "/help/read?open=print#print"),
        ("es", "CODIGO de seis digitos", "/help/sign-in?open=code#code"),
        ("es", "llave de acceso", "/help/account?open=passkey#passkey"),
        ("es", "aviso falso", "/help/real?open=tell#tell"),
    ],
)
async def test_what_is_asked_stands_among_the_first_three(
    browser: Browser, language: str, asked: str, found: str
) -> None:
    browser.language = language
    page = await browser.get(f"/help/search?{urlencode({'q': asked})}")
    links = re.findall(r'<h2><a href="([^"]+)">', page.text)
    assert unescape(found) in [unescape(link) for link in links[:3]]
    assert ("<mark>" in page.text) == (language == "en" or "password" not in asked) or "ñ" in asked


async def test_a_question_is_shown_as_text_and_stands_in_no_title_and_no_log(
    browser: Browser, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    page = await browser.get('/help/search?q=<b>zanzibar"</b>')
    assert "<b>zanzibar" not in page.text
    assert "&lt;b&gt;zanzibar&#34;&lt;/b&gt;" in page.text
    assert "zanzibar" not in page.text.partition("</title>")[0]
    assert "zanzibar" not in caplog.text + "".join(capsys.readouterr())
    assert "Nothing found for" in page.text


async def test_nothing_asked_is_no_fault(browser: Browser) -> None:
    for path in (
        "/help/search",
        "/help/search?q=",
        "/help/search?q=%20%20",
        "/help/search?q=%00%ff",
        "/help/search?q=the",
    ):
        assert (await browser.get(path)).status == 200


def answer(title: str, text: str = "", words: str = "") -> Answer:
    return Answer(topics()[0], uuid.uuid4().hex, title, text, words)


def test_titles_weigh_more_than_words_and_words_more_than_text() -> None:
    last, first, middle = answer("A", "folder"), answer("Folders"), answer("B", words="folder")
    others = tuple(answer(str(number)) for number in range(4))
    assert [one.answer for one in find((last, first, middle, *others), "folders")] == [first, middle, last]


def test_words_of_most_answers_tell_nothing() -> None:
    answers = tuple(answer(f"The {name}") for name in ("lease", "court", "form"))
    assert find(answers, "the") == []
    assert [one.answer for one in find(answers, "the court")] == [answers[1]]


def test_marks_stand_on_whole_words_in_the_text_as_it_was() -> None:
    found = find((answer("¿Contraseña olvidada?", "La contraseña nueva"), answer("Otra")), "CONTRASENA")
    assert found[0].title == (("¿", False), ("Contraseña", True), (" olvidada?", False))
    assert found[0].excerpt == (("La ", False), ("contraseña", True), (" nueva", False))


def test_an_excerpt_is_cut_at_words_round_what_was_asked() -> None:
    text = f"{'before ' * 100}needle {'after ' * 100}".strip()
    [found] = find((answer("A", text), answer("B")), "needle")
    said = "".join(piece for piece, _ in found.excerpt)
    assert said.startswith("… before")
    assert said.endswith("after …")
    assert len(said) <= EXCERPT + 4
    assert ("needle", True) in found.excerpt


def test_folding_keeps_every_place() -> None:
    for text in ("Straße ﬁ Ⅷ ñandú İstanbul", "ÀÉÎÕÜ", "日本語"):
        assert len(fold_each(text)) == len(text)
    assert fold_each("Ñandú") == "nandu"


def test_a_question_is_cut_to_its_longest() -> None:
    answers = (answer("needle"), answer("other"))
    assert find(answers, "x" * (QUERY_CHARACTERS - 7) + " needle")
    assert not find(answers, "x" * (QUERY_CHARACTERS - 1) + " needle")


# ---- is this notice real? ----


async def test_a_known_reference_is_told_with_its_day_and_nothing_else(
    browser: Browser, a_notice: GiveNotice, db: Database, clock: Clock
) -> None:
    notice = await a_notice()
    await notified(db, notice, clock)
    reference = await reference_of(db, notice)
    for typed in (shown(reference), reference.lower(), f" {reference[:3]} {reference[3:]} "):
        page = await check(browser, typed)
        assert f"{YES}November 24, 2026." in page.text
        for secret in (BOB, "alice", "Alice", notice.delivery_id.hex, "10:30"):
            assert secret not in page.text.replace(typed, "")
    page = await browser.get("/help/real?lang=es")
    page = await browser.post("/help/real", reference=reference)
    assert "Sí, enviamos un aviso con esta referencia el 24 de noviembre de 2026." in page.text


async def test_the_day_is_that_of_the_first_notice(
    browser: Browser, a_notice: GiveNotice, db: Database, clock: Clock
) -> None:
    notice = await a_notice()
    await notified(db, notice, clock)
    clock.advance(timedelta(days=3))
    assert f"{YES}November 24, 2026." in (await check(browser, await reference_of(db, notice))).text


async def test_unknown_unsent_and_past_its_date_are_one_page(
    browser: Browser, a_notice: GiveNotice, db: Database, clock: Clock
) -> None:
    unsent, ended = await a_notice(), await a_notice(CAROL, life=timedelta(minutes=5))
    await notified(db, ended, clock)
    reference = await reference_of(db, ended)
    clock.advance(timedelta(minutes=4, seconds=59))
    assert YES in (await check(browser, reference)).text
    clock.advance(timedelta(seconds=1))
    pages = []
    for typed in (reference, await reference_of(db, unsent), "00000000", "7K4M_2QX9"):
        page = await check(browser, typed)
        assert NO in page.text
        assert "past its date" in page.text
        pages.append((page.status, page.text.replace(typed, "")))
    assert len(set(pages)) == 1


async def test_a_reference_of_a_reply_is_unknown(
    browser: Browser, a_notice: GiveNotice, db: Database, clock: Clock
) -> None:
    notice = await a_notice()
    await notified(db, notice, clock)
    async with db.writing() as session:
        await session.execute(update(Message).values(kind="reply"))
    assert NO in (await check(browser, await reference_of(db, notice))).text


async def test_a_network_asks_twenty_times_in_ten_minutes(browser: Browser, clock: Clock) -> None:
    await browser.get("/help/real")
    for _ in range(20):
        assert (await browser.post("/help/real", reference="00000000")).status == 200
    refused = await browser.post("/help/real", reference="00000000")
    assert refused.status == 429
    assert refused.headers["Retry-After"] == "30"
    clock.advance(timedelta(seconds=29, milliseconds=900))
    await browser.get("/help/real")
    assert (await browser.post("/help/real", reference="00000000")).status == 429
    clock.advance(timedelta(milliseconds=100))
    await browser.get("/help/real")
    assert (await browser.post("/help/real", reference="00000000")).status == 200


async def test_without_proof_nothing_is_asked_and_what_was_typed_stays(browser: Browser) -> None:
    await browser.get("/help/real")
    page = await browser.post("/help/real", csrf="0" * 64, reference="7K4M-2QX9")
    assert page.status == 400
    assert 'value="7K4M-2QX9"' in page.text
    assert NO not in page.text
    assert (await browser.post("/help/real", reference="")).status == 422


async def test_the_longest_life_is_that_of_a_message(
    browser: Browser, a_notice: GiveNotice, db: Database, clock: Clock
) -> None:
    notice = await a_notice()
    await notified(db, notice, clock)
    clock.advance(RETENTION - timedelta(seconds=1))
    assert YES in (await check(browser, await reference_of(db, notice))).text
