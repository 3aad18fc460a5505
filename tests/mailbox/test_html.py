"""The sanitizer against tables of hostile pages, judged by another parser and by a browser."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser

import pytest
import tinycss2

from service.mailbox.css import clean_declarations, clean_sheet
from service.mailbox.html import ATTRIBUTES, HTML_LONGEST, PICTURES_BYTES, TAGS, TooLong, clean_html
from service.mailbox.plain import plain_to_html
from service.mailbox.tokens import DEPTH, TooDeep
from tests.mailbox.hostile import PAYLOADS
from tests.mailbox.hostile_families import FOREIGN

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
SAFE_FUNCTION = re.compile(r"(?:rgb|rgba|hsl|hsla|calc)")


class Tree(HTMLParser):
    """The start tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(attrs, key=str))))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, _data: str) -> None:
        self.tags.append(("!comment", ()))

    def handle_decl(self, _decl: str) -> None:
        self.tags.append(("!decl", ()))


def functions(css: str) -> Iterator[str]:
    def walk(tokens: list[object]) -> Iterator[str]:
        for token in tokens:
            kind = getattr(token, "type", "")
            if kind == "function":
                yield token.lower_name  # type: ignore[attr-defined]
                yield from walk(token.arguments)  # type: ignore[attr-defined]
            elif kind in {"url", "at-keyword", "error"}:
                yield kind
            elif kind.endswith("block"):
                yield from walk(token.content)  # type: ignore[attr-defined]

    yield from walk(tinycss2.parse_component_value_list(css))


def check_harmless(page: str) -> Tree:
    """Hold a cleaned page to the list of what may stand in it."""
    tree = Tree(page)
    for tag, attributes in tree.tags:
        assert tag in TAGS
        allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(tag, frozenset()) | {"class"}
        if tag == "a":
            allowed |= {"rel", "target"}
        for name, value in attributes:
            assert name in allowed
            assert value is not None
            if name == "href":
                assert re.match(r"(?:https?://|mailto:|tel:)", value, re.IGNORECASE)
            if name == "src":
                assert re.match(r"(?:data:image/(?:png|jpeg|gif|webp);base64,|https://)", value)
            if name == "style":
                assert all(SAFE_FUNCTION.fullmatch(found) for found in functions(value))
    return tree


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_only_harmless_tags_and_attributes_are_left(payload: str) -> None:
    cleaned = clean_html(payload)
    tree = check_harmless(cleaned.html)
    assert "hit.example" not in cleaned.style
    assert all(SAFE_FUNCTION.fullmatch(found) for found in functions(cleaned.style))
    assert "<" not in cleaned.style
    sources = [value for _, attributes in tree.tags for name, value in attributes if name == "src"]
    assert not any("hit.example" in str(value) for value in sources)
    again = clean_html(cleaned.html)
    assert Tree(again.html).tags == [
        (tag, tuple(pair for pair in attributes if pair[0] != "class")) for tag, attributes in tree.tags
    ]
    assert Tree(again.html).text == tree.text


def test_there_are_enough_hostile_pages() -> None:
    assert len(PAYLOADS) >= 120
    assert len(set(PAYLOADS)) == len(PAYLOADS)


@pytest.mark.parametrize(
    ("page", "cleaned"),
    [
        ("<p>Hello <b>Bob</b></p>", "<p>Hello <b>Bob</b></p>"),
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("<title>T</title>body", "body"),
        ("<head><style>p{color:url(x)}</style></head><body><p>t</p></body>", "<p>t</p>"),
        ("<P ALIGN=center>t</P>", '<p align="center">t</p>'),
        ("<![if !vml]>seen<![endif]><!--[if mso]>unseen<![endif]-->", "seen"),
        ("<svg/>after", "after"),
        ("<o:p>&nbsp;</o:p>", "&nbsp;"),
        ('<div style="COLOR:RED;position:fixed">t</div>', '<div style="color:RED">t</div>'),
        ('<td style="background:#fff url(x)">t</td>', "t"),
        ('<img alt="A cat" src="x">', '<img alt="A cat">'),
        ("<a href='HTTPS://ct.gov/a?b=1&amp;c=2'>x</a>", None),
        ("日本語 <b>é", "日本語 <b>é</b>"),
    ],
)
def test_honest_pages_stay_as_they_are(page: str, cleaned: str | None) -> None:
    got = clean_html(page).html
    check_harmless(got)
    if cleaned is not None:
        assert got == cleaned


def test_links_open_apart_and_tell_nothing() -> None:
    got = clean_html("<a href='https://ct.gov/x'>form</a>").html
    assert got == '<a href="https://ct.gov/x" target="_blank" rel="noopener noreferrer nofollow">form</a>'


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<a href='https://hit.example/x'>https://www.bank.example/</a>", "[hit.example]"),
        ("<a href='https://u:p@hit.example/'><b>ct.gov</b></a>", "[hit.example]"),
        ("<a href='https://www.ct.gov/x'>ct.gov</a>", ""),
        ("<a href='https://portal.ct.gov/x'>www.ct.gov/x</a>", ""),
        ("<a href='https://hit.example/'>our form</a>", ""),
    ],
)
def test_a_link_that_looks_like_another_host_is_named(page: str, said: str) -> None:
    text = Tree(clean_html(page).html).text
    assert said in text
    assert ("[" in text) == bool(said)


def test_a_user_name_before_the_host_is_dropped() -> None:
    assert "u:p@" not in clean_html("<a href='https://u:p@hit.example/'>x</a>").html


def test_own_pictures_come_as_data_and_only_as_far_as_they_fit() -> None:
    pictures = {"a@b": PNG, "svg": b"<svg onload=x>", "big": b"\xff\xd8\xff" + bytes(PICTURES_BYTES)}
    page = "<img src='cid:a@b'><img src='CID:A%40B'><img src='cid:svg'><img src='cid:big'><img src='cid:none'>"
    got = clean_html(page, pictures=pictures).html
    assert got.count("data:image/png;base64,") == 2
    assert got.count("<img>") == 3
    many = clean_html("<img src='cid:a'>" * 10, pictures={"a": PNG + bytes(PICTURES_BYTES // 4)}).html
    assert many.count("data:") == 3


def test_remote_pictures_are_counted_and_shown_only_when_asked() -> None:
    page = f"<img src='{FOREIGN}'><img src='http://hit.example/q'><img src='//hit.example/r'>"
    assert "hit.example" not in clean_html(page).html
    assert clean_html(page).remote_pictures == 2
    shown = clean_html(page, shows_remote=True).html
    assert FOREIGN in shown
    assert "http://hit" not in shown
    assert "<img>" in shown


def test_outlook_styles_work() -> None:
    sheet = """<!-- /* Font Definitions */ @font-face {font-family:Calibri; panose-1:2 15 5 2}
    p.MsoNormal, li.MsoNormal, div.MsoNormal {margin:0in; margin-bottom:.0001pt; font-size:11.0pt;
      font-family:"Calibri",sans-serif;}
    a:link, span.MsoHyperlink {mso-style-priority:99; color:#0563C1; text-decoration:underline;}
    @page WordSection1 {size:8.5in 11.0in;} div.WordSection1 {page:WordSection1;} -->"""
    cleaned = clean_html(f"<style>{sheet}</style><p class='MsoNormal sm-mail'>t</p>")
    assert ".sm-mail p.MsoNormal,.sm-mail li.MsoNormal" in cleaned.style
    assert "margin:0in" in cleaned.style
    assert ".sm-mail span.MsoHyperlink{color:#0563C1;text-decoration:underline}" in cleaned.style
    assert "page" not in cleaned.style.replace("WordSection1", "")
    assert cleaned.html == '<p class="MsoNormal">t</p>'
    assert clean_html("<p class=MsoNormal>t</p>").html == "<p>t</p>"


@pytest.mark.parametrize(
    ("page", "is_coloured"),
    [
        ("<p>t</p>", False),
        ("<p style='margin:0'>t</p>", False),
        ("<p style='color:#333'>t</p>", True),
        ("<td style='background:red'>t", False),
        ("<table><tr><td style='background:red'>t", True),
        ("<font color=red>t</font>", True),
        ("<table bgcolor=#eee><tr><td>t", True),
        ("<style>p{color:red}</style><p>t</p>", True),
    ],
)
def test_mail_with_colours_of_its_own_is_told_from_mail_without(page: str, is_coloured: bool) -> None:
    assert clean_html(page).is_coloured is is_coloured


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        ("color:red", "color:red"),
        ("COLOR : Red ; margin : 0 auto !important", "color:Red;margin:0 auto !important"),
        ("font:12px/1.5 'Segoe UI', Arial", "font:12px/1.5 'Segoe UI', Arial"),
        ("width:calc(100% - 2px)", "width:calc(100% - 2px)"),
        ("background:rgb(1, 2, 3)", "background-color:rgb(1, 2, 3)"),
        ("background:url(x) red", ""),
        ("position:fixed;top:0", ""),
        ("color:expression(alert(1))", ""),
        ("color:red;background-image:url(x)", "color:red"),
        ("font-family:'a\\'b'", ""),
        ("border-image:url(x)", ""),
        ("width:calc(((1px)))", ""),
        ("color:" + "(" * 3000, ""),
        ("x" * 9000, ""),
        ("margin:-4.5pt 1e3px", "margin:-4.5pt 1000px"),
    ],
)
def test_declarations_are_written_anew(style: str, kept: str) -> None:
    assert clean_declarations(style)[0] == kept


def test_rules_reach_only_into_the_mail() -> None:
    style, _ = clean_sheet(
        "body{margin:0} html body p.a b{color:red} main{color:red} .sm-mail{color:red} #a{color:red}"
    )
    assert style.split("\n") == [
        ".sm-mail{margin:0}",
        ".sm-mail p.a b{color:red}",
        ".sm-mail main{color:red}",
    ]


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * (DEPTH + 1),
        "<div><!--</div>-->" * (DEPTH + 1),
        "<b x='</b>'>" * (DEPTH + 1),
        "<i></p></i x='<i>'><i>" * 999,
    ],
)
def test_what_is_nested_too_deep_is_refused_at_once(page: str) -> None:
    with pytest.raises(TooDeep):
        clean_html(page)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(TooLong):
        clean_html("a" * (HTML_LONGEST + 1))


@pytest.mark.parametrize(
    "piece",
    ["&amp;", "<", "<a ", "<a b='", "<!--", "<style>", "<p>", "<li>", "</b>", "<b>x</b>", "<p><b>x</p>", "</", "<a/",
     "<div><table><td></div>", "<img src=cid:a>", "<p style='color:red'>", "<?", "<svg>", "\0", "<a =", '<a "='],
)  # fmt: skip
def test_hostile_repetition_costs_seconds_at_most(piece: str) -> None:
    began = time.process_time()
    with suppress(TooDeep):
        clean_html((piece * (HTML_LONGEST // len(piece)))[:HTML_LONGEST])
    assert time.process_time() - began < 20


def test_plain_text_is_escaped_and_linked() -> None:
    got = plain_to_html(
        "See https://ct.gov/a?b=1&c=<2>\r\n<script>x</script> javascript:alert(1) www.ct.gov bob@x.example"
    )
    assert "<script>" not in got
    assert '<a href="https://ct.gov/a?b=1&amp;c=" target="_blank" rel="noopener noreferrer nofollow">' in got
    assert '<a href="http://www.ct.gov"' in got
    assert "javascript" not in "".join(re.findall(r"href=\"([^\"]*)\"", got))
    assert "\n&lt;script&gt;" in got
