# ruff: noqa: RUF001 - letters of other scripts are what this is about
import pytest

from service.mime.charsets import decode_header, decode_text, find_codec

ROWS = [
    (b"\x93quoted\x94 \x80 \x96", "iso-8859-1", "“quoted” € –"),
    (b"\x93quoted\x94", "us-ascii", "“quoted”"),
    (b"\x81", "iso-8859-1", "\ufffd"),
    ("naïve".encode(), "us-ascii", "naïve"),
    ("naïve".encode(), "ANSI_X3.4-1968", "naïve"),
    ("ş".encode("cp1254"), "iso-8859-9", "ş"),
    ("ก€".encode("cp874"), "tis-620", "ก€"),
    ("ก".encode("cp874"), "windows-874", "ก"),
    ("镕€".encode("gb18030"), "gb2312", "镕€"),
    ("㐀".encode("gb18030"), "gbk", "㐀"),
    ("똠".encode("cp949"), "ks_c_5601-1987", "똠"),
    ("똠".encode("cp949"), "EUC-KR", "똠"),
    ("①㈱髙".encode("cp932"), "shift_jis", "①㈱髙"),
    ("会議".encode("iso2022_jp"), "iso-2022-jp", "会議"),
    ("会議".encode("iso2022_jp"), "_iso-2022-jp$ESC", "会議"),
    ("한국".encode("iso2022_kr"), "iso-2022-kr", "한국"),
    ("中文".encode("hz"), "hz-gb-2312", "中文"),
    ("請查收".encode("big5hkscs"), "big5", "請查收"),
    ("請".encode("big5hkscs"), "x-x-big5", "請"),
    (b"Gr+APwA3w-e", "utf-7", "Grüße"),
    (b"+2AA-", "unicode-1-1-utf-7", None),
    ("Привет".encode("koi8_r"), "koi8r", "Привет"),
    ("Привет".encode("cp1251"), "win-1251", "Привет"),
    ("Привет".encode("cp1251"), "windows1251", "Привет"),
    ("Привет".encode("cp1251"), "x-cp1251", "Привет"),
    ("é".encode("cp850"), "cp-850", "é"),
    ("é".encode("cp850"), "IBM850", "é"),
    ("é".encode("cp437"), "cp0437", "é"),
    ("שלום".encode("cp1255"), "iso-8859-8-i", "שלום"),
    ("é".encode("mac_roman"), "x-mac", "é"),
    ("é".encode(), "utf-8n", "é"),
    ("é".encode(), "utf8mb4", "é"),
    ("é".encode(), '"u"tf-8', "é"),
    ("é".encode(), "utf-8 <div>", "é"),
    ("é".encode(), "utf-8*sl", "é"),
    (b"\xe9", "iso-8859-1*en", "é"),
    ("é".encode(), "", "é"),
    (b"\xe9", "", "é"),
    (b"\xe9", "''", "é"),
    ("é".encode(), "x-unknown", "é"),
    (b"\xe9", "[charset", "é"),
    ("é".encode("utf-16"), "us-ascii", "é"),
    ("é".encode("utf-8-sig"), "iso-8859-1", "é"),
    ("é".encode("utf-16-le"), "utf-16le", "é"),
    (b"uryyb", "rot13", "uryyb"),
    (b"eJw=", "zip", "eJw="),
    (b"\\u0041", "unicode_escape", "\\u0041"),
    (b"4142", "hex", "4142"),
    (b"xn--a", "punycode", "xn--a"),
    (b"xn--a", "idna", "xn--a"),
    (b"abc", "undefined", "abc"),
    (b"abc", "mbcs", "abc"),
    (b"abc\xff", "utf-8", None),
]


@pytest.mark.parametrize(("data", "label", "expected"), ROWS)
def test_labels_as_real_mails_have_them(data, label, expected):
    text = decode_text(data, label)
    text.encode()
    if expected is not None:
        assert text == expected


@pytest.mark.parametrize(
    "label", ["rot13", "base64", "hex", "zip", "idna", "punycode", "unicode_escape", "undefined", "mbcs"]
)
def test_python_codecs_that_are_no_charsets_are_not_found(label):
    assert find_codec(label) is None


def test_html_without_a_label_asks_its_own_meta():
    assert decode_text('<meta charset="koi8-r">Привет'.encode("koi8_r"), "", html=True).endswith("Привет")
    assert decode_text('<meta charset="utf-16">é'.encode(), "", html=True).endswith("é")
    assert (
        decode_text('<meta http-equiv=x content="text/html; charset=koi8-r">П'.encode("koi8_r"), "", html=True)[-1]
        == "П"
    )


def test_the_label_of_the_header_wins_over_meta():
    assert decode_text('<meta charset="koi8-r">é'.encode(), "utf-8", html=True).endswith("é")


def test_raw_header_bytes_are_utf8_or_else_windows_latin():
    assert decode_header("Köln".encode()) == "Köln"
    assert decode_header(b"K\xf6ln") == "Köln"
