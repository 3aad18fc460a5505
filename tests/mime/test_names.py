import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mime.names import NAME_BYTES, content_disposition, safe_name, unique_names

ROWS = [
    ("report.pdf", "report.pdf"),
    ("e\u0301.pdf", "é.pdf"),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
    ("a\u200b\ufeff\u2066b\x00\x1f\x7f.txt", "ab.txt"),
    ("C:\\dir\\a.txt", "a.txt"),
    ("../../etc/passwd", "passwd"),
    ("dir/", "dir"),
    ('a<b>:"|?*.txt', "a_b______.txt"),
    ("  .a. ", "a"),
    ("CON", "_CON"),
    ("con.txt", "_con.txt"),
    ("COM1.tar.gz", "_COM1.tar.gz"),
    ("LPT¹", "_LPT¹"),
    ("CONTRACT.pdf", "CONTRACT.pdf"),
    ("line\r\nbreak.txt", "line break.txt"),
    ("", "attachment-3.pdf"),
    ("...", "attachment-3.pdf"),
    ("/", "attachment-3.pdf"),
    ("???", "attachment-3.pdf"),
    ("\ud800.txt", "_.txt"),
]


@pytest.mark.parametrize(("raw", "expected"), ROWS)
def test_names_made_safe(raw, expected):
    assert safe_name(raw, "application/pdf", 3) == expected


@pytest.mark.parametrize(
    ("type_", "extension"),
    [("message/rfc822", ".eml"), ("text/calendar", ".ics"), ("x/unknown", ".dat"), ("text/unknown", ".txt")],
)
def test_a_part_without_a_name_gets_one_by_its_type(type_, extension):
    assert safe_name("", type_, 1) == f"attachment-1{extension}"


def test_a_long_name_keeps_its_extension():
    name = safe_name("é" * 300 + ".pdf", "application/pdf", 1)
    assert len(name.encode()) <= NAME_BYTES
    assert name.endswith("é.pdf")


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_no_name_is_dangerous(raw):
    name = safe_name(raw, "a/b", 1)
    assert 0 < len(name.encode()) <= NAME_BYTES
    assert not set(name) & set('/\\<>:"|?*\0\r\n')
    assert name == name.strip(" .")
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


def test_doubles_are_numbered_whatever_their_letter_case():
    assert unique_names(["a.pdf", "A.pdf", "a (2).pdf", "a.pdf", "", ""]) == [
        "a.pdf",
        "A (2).pdf",
        "a (2) (2).pdf",
        "a (3).pdf",
        "",
        "",
    ]


def test_a_download_header_has_both_forms():
    plain, _, full = content_disposition("Grüße.pdf").partition("; filename*=")
    assert plain == 'attachment; filename="Grue.pdf"'
    assert full == "UTF-8''Gr%C3%BC%C3%9Fe.pdf"
    assert content_disposition("日本.pdf").startswith('attachment; filename="attachment.pdf"; filename*=')
