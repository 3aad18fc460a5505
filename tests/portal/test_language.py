"""Two languages, equal: nothing untranslated, and the switch keeps the page."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import service.portal
from service.core.limits import MEBIBYTE
from service.portal.dates import Left, Times, size
from service.portal.language import LOCALE
from tests.mailbox.builders import BOB
from tests.portal.conftest import Browser, GiveNotice, Register

FOLDER = Path(service.portal.__file__).parent
EASTERN = ZoneInfo("America/New_York")
PLACE = re.compile(r"%\((\w+)\)s")


def said() -> list[str | tuple[str, ...]]:
    """Collect everything that a page says, from templates and code."""
    found = extract_from_dir(
        FOLDER,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        options_map={"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}},
        keywords={"_": None, "gettext": None, "ngettext": (1, 2)},
    )
    return [message for _, _, message, _, _ in found]


def spanish() -> Catalog:
    whole = Catalog(locale="es")
    for path in sorted(LOCALE.glob("es*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="es"):
                if message.id:
                    whole[message.id] = message
    return whole


def test_everything_said_has_its_spanish() -> None:
    catalog = spanish()
    messages = said()
    assert len(messages) > 150
    missing = [message for message in messages if not (found := catalog.get(message)) or not found.string]
    assert missing == []


def test_every_translation_is_of_something_said_and_stands_in_one_file_only() -> None:
    used = {message if isinstance(message, str) else message[0] for message in said()}
    files: dict[str, list[str]] = {}
    for path in sorted(LOCALE.glob("es*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="es"):
                if message.id:
                    english = message.id if isinstance(message.id, str) else message.id[0]
                    files.setdefault(english, []).append(path.name)
    assert {english: where for english, where in files.items() if len(where) > 1} == {}
    assert files.keys() - used == set()


def test_translations_fill_the_same_places_and_end_as_the_english_does() -> None:
    for message in spanish():
        if message.id:
            ids = (message.id,) if isinstance(message.id, str) else message.id
            strings = (message.string,) if isinstance(message.string, str) else message.string
            wanted = set(PLACE.findall(ids[0]))
            for text in strings or ():
                assert set(PLACE.findall(text)) == wanted, message.id
                assert text[-1:] in {".", "?", ":", ")"} or ids[0][-1:] not in {".", "?", ":"}, message.id


@pytest.mark.parametrize("path", ["/sign-in", "/help", "/waiting", "/nothing"])
async def test_doors_speak_spanish(browser: Browser, a_notice: GiveNotice, path: str) -> None:
    notice = await a_notice()
    await browser.get(notice.link)
    browser.language = "es-MX,es;q=0.9,en;q=0.5"
    page = await browser.get(path)
    assert '<html lang="es"' in page.text
    for english in ("Sign in", "Skip to", "Help desk", "Look before", "State of", "waiting", "find this page"):
        assert english not in page.text.replace("/waiting", "").replace("sm-waiting", "").replace('"waiting"', ""), (
            english
        )


async def test_notice_in_spanish_names_the_zone(browser: Browser, a_notice: GiveNotice) -> None:
    await browser.get((await a_notice()).link)
    page = await browser.get("/waiting?lang=es")
    assert "24 de diciembre de 2026, 10:30 a. m. (hora del Este)" in page.text
    assert "Un mensaje le espera" in page.text


async def test_switch_keeps_page_and_query_and_is_remembered(browser: Browser) -> None:
    page = await browser.get("/sign-in?out=self")
    assert 'href="?out=self&amp;lang=es"' in page.text
    page = await browser.get("/sign-in?out=self&lang=es")
    assert "Su sesión está cerrada." in page.text
    assert 'href="?out=self&amp;lang=en"' in page.text
    assert "Iniciar sesión" in (await browser.get("/sign-in")).text
    assert "Iniciar sesión" in (await browser.get("/sign-in?lang=xx")).text


async def test_account_speaks_its_own_language_in_a_new_browser(registered: Register) -> None:
    person = await registered()
    browser = person.elsewhere()
    browser.language = "es"
    await browser.get("/sign-in")
    await browser.post("/sign-in", email=BOB, password="seven blue herons 41 lanterns")
    assert '<html lang="en"' in (await browser.get("/inbox")).text


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=EASTERN).astimezone(UTC)


NOW = at("2026-09-22T15:00:00")


@pytest.mark.parametrize(
    ("moment", "english", "spanish_"),
    [
        ("2026-09-22T14:41:00", "2:41 PM", "2:41 p. m."),
        ("2026-09-21T23:59:00", "Yesterday", "Ayer"),
        ("2026-09-03T08:00:00", "Sep 3", "3 sep"),
        ("2025-09-03T08:00:00", "Sep 3, 2025", "3 sep 2025"),
    ],
)
def test_lists_write_days_as_people_do(moment: str, english: str, spanish_: str) -> None:
    assert Times(EASTERN, "en", NOW).short(at(moment)) == english
    assert Times(EASTERN, "es", NOW).short(at(moment)) == spanish_


def test_heads_write_the_whole_moment() -> None:
    moment = at("2026-09-22T08:22:00")
    assert Times(EASTERN, "en", NOW).full(moment) == "Tuesday, September 22, 2026, 8:22 AM EDT"
    assert Times(EASTERN, "es", NOW).full(moment) == "martes, 22 de septiembre de 2026, 8:22 a. m. (hora del Este)"
    assert Times(EASTERN, "en", NOW).until(at("2026-10-22T08:22:00")) == "October 22, 2026, 8:22 AM (Eastern time)"


@pytest.mark.parametrize(
    ("left", "english", "spanish_", "pressing"),
    [
        (timedelta(days=30), "Oct 22", "22 oct", Left.PLAIN),
        (timedelta(days=7), "7 days left", "Quedan 7 días", Left.PLAIN),
        (timedelta(days=3), "3 days left", "Quedan 3 días", Left.SOON),
        (timedelta(days=2), "2 days left", "Quedan 2 días", Left.SOON),
        (timedelta(hours=47, minutes=59), "47 hours left", "Quedan 47 horas", Left.SOON),
        (timedelta(hours=20), "20 hours left", "Quedan 20 horas", Left.LAST),
        (timedelta(hours=1), "1 hour left", "Queda 1 hora", Left.LAST),
        (timedelta(minutes=59), "Under 1 hour", "Menos de 1 hora", Left.LAST),
    ],
)
def test_time_left_is_told_in_words(left: timedelta, english: str, spanish_: str, pressing: Left) -> None:
    assert Times(EASTERN, "en", NOW).left(NOW + left) == english
    assert Times(EASTERN, "es", NOW).left(NOW + left) == spanish_
    assert Times(EASTERN, "en", NOW).pressing(NOW + left) is pressing


def test_sizes_are_rounded_up() -> None:
    assert [size(count) for count in (0, 1, 1025, 860_000, 35 * MEBIBYTE, 35 * MEBIBYTE + 1)] == [
        "1 KB", "1 KB", "2 KB", "840 KB", "35 MB", "35.1 MB"
    ]  # fmt: skip
