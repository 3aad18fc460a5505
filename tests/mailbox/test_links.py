"""A link is read as a browser reads it, or not at all."""

import pytest

from service.mailbox.html import clean_html
from service.mailbox.links import URL_LONGEST, Kind, Links, host_of, read_target
from service.mailbox.plain import plain_to_html


@pytest.mark.parametrize(
    ("url", "followed"),
    [
        ("https://ct.gov", "https://ct.gov"),
        ("HTTPS://WWW.CT.GOV/Form?a=1&b=2#c", "https://www.ct.gov/Form?a=1&b=2#c"),
        ("http://ct.gov:8080/x", "http://ct.gov:8080/x"),
        (" \thttps://ct.gov/a b\n", "https://ct.gov/a%20b"),
        ("https://ct.gov/é?ü=\\", "https://ct.gov/%C3%A9?%C3%BC=%5C"),
        ("https://ct.gov/50%25/%zz", "https://ct.gov/50%25/%zz"),
        ("https://ct.gov/\u202egnp.exe", "https://ct.gov/%E2%80%AEgnp.exe"),
        ("https:\\\\hit.example\\p\\q?a\\b", "https://hit.example/p/q?a%5Cb"),
        ("https:hit.example", "https://hit.example"),
        ("https:/hit.example/", "https://hit.example/"),
        ("https://///hit.example/", "https://hit.example/"),
        ("ht\ntps://hit\t.exa\rmple/", "https://hit.example/"),
        ("https://ct.gov\\@hit.example/", "https://ct.gov/@hit.example/"),
        ("https://ct.gov@hit.example/", "https://hit.example/"),
        ("https://ct.gov%2f@hit.example/", "https://hit.example/"),
        ("https://a@b@hit.example/", "https://hit.example/"),
        ("https://h%69t.example/", "https://hit.example/"),
        ("https://\uff48\uff49\uff54.example/", "https://hit.example/"),
        ("https://hit\u3002example/", "https://hit.example/"),
        ("https://_dmarc.hit.example/", "https://_dmarc.hit.example/"),
        ("https://hit.example./", "https://hit.example./"),
        ("https://[0:0::1]:444/", "https://[::1]:444/"),
        ("https://пример.рф/", "https://xn--e1afmkfd.xn--p1ai/"),
    ],
)
def test_a_web_link_is_followed_where_a_browser_goes(url: str, followed: str) -> None:
    target = read_target(url)
    assert target.kind is Kind.WEB
    assert target.url == followed
    assert target.url.isascii()
    assert read_target(target.url).url == target.url


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://", "https:///", "https://..", "https://.", "https://a..b/", "https://a b/", "https://a%00b/"),
        *(
            "https://ct.gov\u2044hit.example/",
            "https://%ff.example/",
            "https://[::1",
            "https://[x]/",
            "https://a:99999/",
        ),
        *("https://a:b/", "https://a:80:80/", "javascript:alert(1)", "data:text/html,x", "ftp://ct.gov/", "//ct.gov/"),
        *("/m/delete", "ct.gov", "mailto:", "mailto:?subject=x", "https://-a.example/", "https://a^b.example/"),
        *("https://" + "a" * 64 + ".example/", "https://ct.gov/" + "a" * URL_LONGEST, "https://\u200b.example/"),
    ],
)
def test_what_may_be_read_otherwise_is_never_followed(url: str) -> None:
    target = read_target(url)
    assert target.kind is Kind.ODD
    assert target.url == ""
    assert len(target.text) <= URL_LONGEST


def test_the_longest_link_is_followed_and_a_longer_one_not() -> None:
    longest = "https://ct.gov/".ljust(URL_LONGEST, "a")
    assert read_target(longest).url == longest
    assert read_target(longest + "a").kind is Kind.ODD


def test_letters_users_and_numbers_are_told() -> None:
    for url in ("https://xn--pple-43d.com/", "https://\u0430pple.com/"):
        assert (read_target(url).host, read_target(url).letters) == ("xn--pple-43d.com", "\u0430pple.com")
    assert read_target("https://xn--a.example/").letters == "xn--a.example"  # no letters at all: still told
    assert read_target("https://apple.com/").letters == ""
    assert read_target("https://ct.gov:x@hit.example/").user == "ct.gov:x@"
    assert read_target("https://ct.gov/@x").user == ""
    for host in ("127.0.0.1", "0x7f000001", "2130706433", "1.2.3.4.", "[::1]", "0x7f.1"):
        assert read_target(f"http://{host}/").is_number
    for host in ("ct.gov", "1.ct.gov", "0x7f.gov", "123abc"):
        assert not read_target(f"http://{host}/").is_number


def test_mail_and_telephone_are_words() -> None:
    target = read_target("mailto:alice@ct.gov,b%40x.example%0d%0aBcc:c?subject=x&bcc=eve@x.example")
    assert (target.kind, target.url) == (Kind.MAIL, "")
    assert target.addresses == ("alice@ct.gov", "b@x.example Bcc:c")
    assert len(read_target("mailto:" + "a@b.example," * 99).addresses) == 10
    assert read_target("tel:+1%20860%20555%200100").rest == "+1 860 555 0100"


def test_the_host_behind_a_link_is_the_one_that_is_asked() -> None:
    assert host_of("https://a@hit.example\\b") == "hit.example"
    assert host_of("mailto:a@b.example") == ""


def test_links_of_both_kinds_of_text_are_numbered_each_once() -> None:
    links = Links(lambda number: f"/l/{number}")
    page = clean_html(
        "<a href='https://ct.gov/?a=1&amp;b=2'>a</a><a href='mailto:a@ct.gov'>b</a><a href=' https://ct.gov/?a=1&b=2'>c</a>"
        "<a href='javascript:x'>d</a><a href='https://u:p@hit.example/'>www.ct.gov</a><img src='https://ct.gov/'>",
        links=links,
    ).html
    assert links.urls == ["https://ct.gov/?a=1&b=2", "mailto:a@ct.gov", "https://u:p@hit.example/"]
    assert page.count('href="/l/1"') == 2
    assert "<a>d</a>" in page.replace(' target="_blank" rel="noopener noreferrer nofollow"', "")
    assert 'href="/l/3"' in page
    assert ">www.ct.gov</a> [hit.example]" in page
    text = plain_to_html("See https://ct.gov/?a=1&b=2 and http://x.example/.", links)
    assert 'href="/l/1"' in text
    assert 'href="/l/4"' in text
    assert links.get(4) == "http://x.example/"
    assert links.get(0) is links.get(5) is links.get(10**30) is None
