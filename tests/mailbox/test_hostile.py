"""Nearly a thousand hostile pages and names, judged by a parser; what a browser makes of them: portal_mailbox."""

import re
from urllib.parse import unquote

import pytest

from service.core.text import one_line
from service.errors import Refused
from service.mailbox.css import SCOPE
from service.mailbox.html import clean_html
from service.mailbox.links import Links
from service.mime.names import NAME_BYTES, content_disposition, safe_name, unique_names
from tests.mailbox.hostile import ALL, FAMILIES
from tests.mailbox.hostile_names import FILE_NAMES, TEXTS
from tests.mailbox.test_html import SAFE_FUNCTION, Tree, check_harmless, functions


def test_there_are_enough() -> None:
    assert len(ALL) >= 900
    assert len(FILE_NAMES) == len(set(FILE_NAMES)) >= 100


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_becomes_harmless_and_cleaning_again_changes_nothing(family: str) -> None:
    for payload in FAMILIES[family]:
        try:
            cleaned = clean_html(payload)
        except Refused:
            continue  # shown as its words
        tree = check_harmless(cleaned.html)
        assert "hit.example" not in cleaned.style, payload
        assert all(SAFE_FUNCTION.fullmatch(found) for found in functions(cleaned.style)), payload
        assert "<" not in cleaned.style, payload
        assert all(line.startswith(SCOPE) for line in cleaned.style.split("\n") if line), payload
        loaded = [value for _, pairs in tree.tags for name, value in pairs if name == "src"]
        assert not any("hit.example" in str(value) for value in loaded), payload
        again = clean_html(cleaned.html)
        plain = [(tag, tuple(pair for pair in pairs if pair[0] != "class")) for tag, pairs in tree.tags]
        assert Tree(again.html).tags == plain, payload
        assert Tree(again.html).text == tree.text, payload


@pytest.mark.parametrize("family", FAMILIES)
def test_every_link_of_a_page_is_one_of_ours(family: str) -> None:
    for payload in FAMILIES[family]:
        links = Links(lambda number: f"/m/0/link/{number}")
        try:
            page = clean_html(payload, links=links).html
        except Refused:
            continue
        for tag, pairs in Tree(page).tags:
            for name, value in pairs:
                if name == "href":
                    found = re.fullmatch(r"/m/0/link/([0-9]+)", value or "")
                    assert tag == "a", payload
                    assert found, payload
                    assert links.get(int(found[1])), payload
        assert links.mark not in page, payload


def test_a_mail_cannot_write_our_place_holder() -> None:
    links = Links(lambda number: f"/m/0/link/{number}", mark="0123456789abcdef")
    forged = "https://0123456789abcdee.invalid/1"
    page = clean_html(f"<a href='{forged}'>{forged}</a><a href='https://ct.gov/'>b</a>", links=links).html
    assert links.urls == [forged, "https://ct.gov/"]
    assert f">{forged}</a>" in page
    assert len({Links(str).mark for _ in range(9)}) == 9


@pytest.mark.parametrize("name", FILE_NAMES, ids=range(len(FILE_NAMES)))
def test_a_file_name_is_only_a_name(name: str) -> None:
    for safe in (safe_name(name, "application/pdf", 3), safe_name(name, "", 1)):
        assert 0 < len(safe.encode()) <= NAME_BYTES
        assert not set(safe) & set('/\\:*?"<>|\r\n\0\t')
        assert safe == one_line(safe)
        assert safe.strip(" .") == safe
        assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", safe)
        header = content_disposition(safe)
        assert header.isascii()
        assert header.isprintable()
        found = re.fullmatch(r"attachment; filename=\"[^\"\\]*\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)", header)
        assert found
        assert "/" not in unquote(found[1])
    raw = content_disposition(name)  # even one that nobody made safe before
    assert raw.isascii()
    assert raw.isprintable()


def test_names_alike_are_numbered() -> None:
    names = unique_names([safe_name(name, "application/pdf", 1) for name in FILE_NAMES])
    assert len({name.casefold() for name in names}) == len(names)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_subject_stays_on_its_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= 1000
    assert "\n" not in line
    assert "\r" not in line
    assert line == one_line(line)
