import pytest

from service.mime.decoders import BASE64, IDENTITY, QUOTED_PRINTABLE, UUENCODE
from service.mime.notes import Note
from service.mime.parameters import read_encoding, read_heading, read_name, split_parameters

NAMES = [
    (b"attachment; filename=\"fallback.txt\"; filename*=utf-8''r%C3%A9el.txt", "réel.txt"),
    (b'attachment; filename="=?utf-8?B?w6kucGRm?="', "é.pdf"),
    (b'attachment; filename="=?utf-8?B?w6k=?= =?utf-8?B?w6k=?=.pdf"', "éé.pdf"),
    (b"attachment; filename==?koi8-r?B?8NLJ18XU?=", "Привет"),
    (b'attachment; filename*0="=?utf-8?B?w6ku"; filename*1="cGRm?="', "é.pdf"),
    ('attachment; filename="Übersicht.pdf"'.encode(), "Übersicht.pdf"),
    (b'attachment; filename="\xdcbersicht.pdf"', "Übersicht.pdf"),
    (b"attachment; filename=my file (1).txt", "my file (1).txt"),
    (b'attachment; filename="C:\\dir\\a.txt"', "C:\\dir\\a.txt"),
    (b'attachment; filename="a\\"b\\\\c.txt"', 'a"b\\c.txt'),
    (b"attachment; filename*0*=O'Brien; filename*1*='s.txt", "O'Brien's.txt"),
    (b"attachment; filename*2=c; filename*0=a; filename*1=b; filename*1=x", "abc"),
    (b"attachment; filename*0=a; filename*5=b", "ab"),
    (b"attachment; filename*99999=x; filename=a.txt", "a.txt"),
    (b"attachment; filename*=utf-8''%zz.txt", "%zz.txt"),
    (b"attachment; filename*=a%41.txt", "aA.txt"),
    (b"attachment; filename*0*=utf-8''a%20; filename*1=\"b%20.txt\"", "a b%20.txt"),
    (b"attachment; filename=", ""),
    (b"attachment; FileName = a.txt ", "a.txt"),
    (b"filename=a.txt", "a.txt"),
    (b'attachment; filename="open.txt', "open.txt"),
    (b'attachment; filename="a;b.txt"; size=3', "a;b.txt"),
]


@pytest.mark.parametrize(("value", "expected"), NAMES)
def test_names_in_every_form(value, expected):
    assert read_name(split_parameters(value)[1], "filename") == expected


def test_a_first_item_with_an_equals_sign_is_a_parameter():
    assert split_parameters(b"filename=a") == ("", {"filename": "a"})
    assert read_heading(b"Content-Disposition: filename=a\r\n", "text/plain").disposition == ""


ENCODINGS = [
    (b"base64", BASE64, None),
    (b"BASE64", BASE64, None),
    (b"base64 ", BASE64, Note.ODD_ENCODING),
    (b'"base64"', BASE64, Note.ODD_ENCODING),
    (b"base64; x", BASE64, Note.ODD_ENCODING),
    (b"(a) base64 (b)", BASE64, Note.ODD_ENCODING),
    (b"quoted-printable", QUOTED_PRINTABLE, None),
    (b"x-uuencode", UUENCODE, None),
    (b"7bit", IDENTITY, None),
    (b"", IDENTITY, None),
    (b"x-rot47", IDENTITY, Note.UNKNOWN_ENCODING),
]


@pytest.mark.parametrize(("value", "encoding", "note"), ENCODINGS)
def test_encodings_as_real_mails_have_them(value, encoding, note):
    assert read_encoding(value) == (encoding, note)


TYPES = [
    (b"", "text/plain", []),
    (b"Content-Type: Text/HTML; charset=x", "text/html", []),
    (b"Content-Type: plain/text", "plain/text", []),
    (b"Content-Type: x/y z", "x/y", []),
    (b"Content-Type: text / html", "text/html", []),
    (b"Content-Type: text", "application/octet-stream", [Note.UNREADABLE_TYPE]),
    (b"Content-Type: ", "application/octet-stream", [Note.UNREADABLE_TYPE]),
    (b"Content-Type: a/b\r\nContent-Type: c/d", "application/octet-stream", [Note.REPEATED_HEADER]),
    (b"Content-Type: text/plain\r\nContent-Type: text/html", "application/octet-stream", [Note.REPEATED_HEADER]),
    (b"Content-Type: text/plain\r\nCONTENT-TYPE:  Text/Plain", "text/plain", [Note.REPEATED_HEADER]),
    (
        b"Content-Type: multipart/mixed; boundary=b\r\nContent-Type: text/html",
        "multipart/mixed",
        [Note.REPEATED_HEADER],
    ),
    (
        b"Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit",
        "application/octet-stream",
        [Note.REPEATED_HEADER],
    ),
    (b"Content-Disposition: inline\r\nContent-Disposition: attachment", "text/plain", [Note.REPEATED_HEADER]),
    (b"Content-Type : a/b", "a/b", []),
    (b"Content-Type: " + b"a" * 500 + b"/b", "application/octet-stream", [Note.UNREADABLE_TYPE]),
]


@pytest.mark.parametrize(("block", "expected", "notes"), TYPES)
def test_types_as_real_mails_have_them(block, expected, notes):
    heading = read_heading(block, "text/plain")
    assert (heading.type, heading.notes) == (expected, notes)


def test_the_name_of_the_type_counts_where_the_disposition_has_none():
    assert read_heading(b"Content-Type: a/b; name=x.txt\r\nContent-Disposition: inline\r\n", "").name == "x.txt"


def test_a_mail_in_base64_is_noted_because_others_leave_it_encoded():
    block = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n"
    assert read_heading(block, "").notes == [Note.ODD_ENCODING]
