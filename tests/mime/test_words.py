import pytest

from service.mime.words import decode_words

ROWS = [
    ("plain", "plain"),
    ("=?utf-8?q?caf=C3=A9?= au lait", "café au lait"),
    ("=?UTF-8?B?w6k=?=", "é"),
    ("=?utf-8?b?w6?= =?utf-8?b?kg?=", "Ò"),
    ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
    ("=?utf-8?q?a?=  \t =?iso-8859-1?q?=E9?=", "aé"),
    ("=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"),
    ("x=?utf-8?q?a?=y", "xay"),
    ("=?utf-8?q?a_b=5Fc?=", "a b_c"),
    ("=?utf-8?q?with blank?=", "with blank"),
    ("=?utf-8*en?q?a?=", "a"),
    ("=?iso-8859-1?q?=93x=94?=", "“x”"),
    ("=?rot13?q?uryyb?=", "uryyb"),
    ("=?unicode_escape?q?=5Cu0041?=", "\\u0041"),
    ("=?utf-7?q?+2AA-?=", None),
    ("=?utf-8?q?Hello=0D=0ABcc:_x?=", "Hello  Bcc: x"),
    ("=?utf-8?b?SGk?=", "Hi"),
    ("=?utf-8?b?SGkx?= =?utf-8?b?S?=", "Hi1"),
    ("=?utf-8?q??=", ""),
    ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
    ("=?utf-8?q?open", "=?utf-8?q?open"),
    ("=?iso-2022-jp?b?GyRCMnEbKEI=?= =?iso-2022-jp?b?GyRCNUQbKEI=?=", "会議"),
]


@pytest.mark.parametrize(("value", "expected"), ROWS)
def test_words_as_real_mails_have_them(value, expected):
    text = decode_words(value)
    text.encode()
    assert not set(text) & {"\r", "\n", "\0"}
    if expected is not None:
        assert text == expected
