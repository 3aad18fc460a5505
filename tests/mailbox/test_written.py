"""What the editor sends: harmless, kept as it was meant, told in plain words."""

import re

import pytest

from service.errors import Refused
from service.letters.body import TAGS
from service.mailbox.written import clean_written, words_of
from tests.mailbox.hostile import PAYLOADS

TAG = re.compile(r"<(/?)([a-z0-9]+)([^<>]*)>")


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("<div>One</div><div><br></div><div>Two</div>", "One\n\nTwo"),
        ("<div>One<br>Two<br></div><div>Three</div>", "One\nTwo\nThree"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p>Dear <b>Ms.</b>  <i>Delgado</i>,</p>", "Dear Ms. Delgado,"),
        ("<ul><li>a</li><li>b</li></ul><div>c</div>", "- a\n- b\n\nc"),
        ("<div>x</div><ol><li><div>a</div><div>more</div></li><li>b</li></ol>", "x\n\n1. a\n   more\n2. b"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<blockquote><div>Said</div><blockquote>before</blockquote></blockquote>", "> Said\n>\n> > before"),
        ("<a href='https://ct.gov/a'>the form</a> and more", "the form <https://ct.gov/a> and more"),
        ("<a href='https://ct.gov/a'>ct.gov/a</a>", "ct.gov/a"),
        ("<a href='mailto:a@ct.gov'>a@ct.gov</a>", "a@ct.gov"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\tb\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("a&nbsp;&lt;b&gt; &amp;amp;", "a <b> &amp;"),
        ("", ""),
        ("<div><br></div>", ""),
    ],
)
def test_markup_is_told_in_plain_words(html: str, words: str) -> None:
    assert words_of(clean_written(html)) == words


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_but_known_tags_is_kept(payload: str) -> None:
    cleaned = clean_written(payload)
    assert clean_written(cleaned) == cleaned
    for _, name, attributes in TAG.findall(cleaned):
        assert name in TAGS
        assert re.fullmatch(r"|/| href=\"(https?:|mailto:|tel:)[^\"]*\"", attributes)


@pytest.mark.parametrize(
    "html",
    [
        "<img src='https://x.example/1.png' alt='a'>",
        "<img src='data:image/png;base64,AAAA'>",
        "<p style='color:red' class='x' id='y' onclick='z()'>t</p>",
        "<style>p{color:red}</style><p>t</p>",
        "<a href='/sign-out'>t</a>",
        "<a href='javascript:x()'>t</a>",
        "<a href='cid:1'>t</a>",
        "<font color='red'>t</font>",
    ],
)
def test_no_picture_style_or_odd_link_is_kept(html: str) -> None:
    cleaned = clean_written(html)
    assert "=" not in cleaned
    assert not cleaned.startswith("<img")


def test_what_is_too_deep_is_refused() -> None:
    with pytest.raises(Refused):
        clean_written("<blockquote>" * 600)


@pytest.mark.parametrize("tag", ["blockquote", "ul><li", "ol><li"])
def test_words_do_not_grow_with_every_level(tag: str) -> None:
    lines = 1000
    cleaned = clean_written(f"<{tag}>" * 250 + "x<br>" * lines)
    assert len(words_of(cleaned)) < 100 * (lines + 1000)
