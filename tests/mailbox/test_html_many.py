"""The sanitizer against every page of our sample mails, and against soup that a machine stirs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from service.core.sheet import Role
from service.errors import Refused
from service.mailbox.html import clean_html
from service.mailbox.plain import plain_to_html
from service.mailbox.tokens import TooDeep, rewrite
from service.mime.charsets import decode_text
from service.mime.decoders import decoder
from service.mime.excerpt import strip_html
from service.mime.index import MailIndexer
from tests.mailbox.hostile import PAYLOADS
from tests.mailbox.test_html import Tree, check_harmless

MAILS = sorted((Path(__file__).parent.parent / "mail").glob("*.eml"))


def pages(path: Path) -> Iterator[str]:
    """Read the HTML parts of a mail."""
    raw = path.read_bytes()
    indexer = MailIndexer()
    indexer.feed(raw)
    for part in indexer.close().parts:
        if part.role is not Role.CONTAINER and part.type == "text/html":
            decode = decoder(part.encoding)
            content = decode.feed(raw[part.offset : part.offset + part.length]) + decode.close()
            yield decode_text(content, part.charset, html=True)


def letters(text: str) -> str:
    return re.sub(r"\W+", "", text)


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.name)
def test_pages_of_sample_mails_become_harmless_and_keep_their_words(path: Path) -> None:
    for page in pages(path):
        try:
            cleaned = clean_html(page)
        except Refused:
            continue
        tree = check_harmless(cleaned.html)
        assert letters(tree.text) == letters(strip_html(page))


def test_some_sample_mails_have_pages() -> None:
    assert sum(1 for path in MAILS for _ in pages(path)) >= 10


PIECES = st.sampled_from(
    [
        "<", ">", "</", "/>", "<!--", "-->", "--!>", "<!", "<?", "=", '"', "'", "&", "&lt;", "&#x3c;", "\0", "\x0c",
        "<svg>", "</svg>", "<math>", "<style>", "</style>", "<title>", "</title>", "<textarea>", "<template>", " ",
        "<table>", "<td>", "</table>", "<p>", "</p>", "<b>", "</b>", "<a href=", "javascript:", "https://hit.example/",
        "<img src=", "onerror=x", " style=", "color:red", "url(", ")", "<script>", "</script>", "x", "é", "\U0001f600",
        "<br>", "<font color=", "<li>", "<div ", "cid:a", "]]>", "<![CDATA[", "\\", ";", "{", "}", "@import", "K",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(PIECES, st.sampled_from(PAYLOADS)), max_size=24))
def test_soup_becomes_harmless_and_stays_as_it_is(pieces: list[str]) -> None:
    try:
        cleaned = clean_html("".join(pieces), pictures={"a": b"\x89PNG\r\n\x1a\n"})
    except TooDeep:
        reject()  # the deepest page of the list inside another: shown as plain text
    tree = check_harmless(cleaned.html)
    assert "<" not in cleaned.style
    assert "url" not in cleaned.style.lower()
    again = clean_html(re.sub(r' (?:src|class)="[^"]*"', "", cleaned.html))
    assert Tree(again.html).text == tree.text


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_rewriting_twice_changes_nothing_more(pieces: list[str]) -> None:
    known, dropped, attributes = {"p", "b", "a", "br", "div"}, {"svg", "style"}, {"a": {"href"}, "*": {"style"}}
    once = rewrite("".join(pieces), known, dropped, attributes)
    assert rewrite(once.html, known, dropped, attributes).html == once.html


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400) | st.lists(PIECES, max_size=40).map("".join))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    tree = Tree(plain_to_html(text))
    assert {tag for tag, _ in tree.tags} <= {"div", "a"}
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    assert tree.text == plain
