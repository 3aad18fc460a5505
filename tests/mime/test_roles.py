from pathlib import Path

import pytest

from service.mime.roles import picture_type, view
from tests.mime.oracle import index

FOLDER = Path(__file__).parents[1] / "mail"
HTML, TEXT, FILE, INLINE, HIDDEN = "body-html", "body-text", "attachment", "inline", "hidden"

ROLES = {
    "no-content-type": [TEXT],
    "plain-and-html": [TEXT, HTML],
    "blank-html": [TEXT, HIDDEN],
    "html-only": [HTML],
    "html-cid-images": [HTML, INLINE, INLINE, FILE],
    "svg-as-cid-image": [HTML, FILE],
    "related-with-start": [INLINE, HTML],
    "apple-mail-mixed-inline": [TEXT, HTML, FILE, HTML],
    "inline-image-between-texts": [TEXT, FILE, TEXT],
    "outlook-related-in-alternative": [TEXT, HTML, INLINE, FILE],
    "alternative-with-pdf": [TEXT, FILE],
    "alternative-with-amp": [TEXT, HIDDEN, HTML],
    "calendar-invitation": [TEXT, HTML, FILE],
    "vcard": [TEXT, FILE],
    "signed-smime": [TEXT, FILE],
    "encrypted-smime": [FILE],
    "encrypted-pgp": [FILE, FILE],
    "encrypted-rpmsg": [TEXT, FILE],
    "tnef-winmail": [TEXT, FILE],
    "forwarded-rfc822": [TEXT, FILE],
    "forwarded-without-text": [FILE],
    "delivery-report": [TEXT, FILE, FILE],
    "delivery-report-headers-only": [TEXT, FILE, FILE],
    "digest": [TEXT, FILE, FILE],
    "message-partial": [FILE],
    "external-body": [TEXT, FILE],
    "applefile": [TEXT, HIDDEN, FILE],
    "attachment-only": [FILE],
    "text-attachment-only": [FILE],
    "text-files": [TEXT, FILE, FILE, FILE],
    "inline-text-file": [TEXT, TEXT],
    "footer-after-text": [TEXT, TEXT],
    "multipart-without-parts": [HIDDEN, TEXT],
    "multipart-without-boundary": [HIDDEN, TEXT, FILE],
    "empty-multipart": [HIDDEN, TEXT],
    "parallel": [TEXT, HTML, FILE],
}


def roles(raw: bytes) -> list[str]:
    return [part.role.value for part in index(raw).parts if part.role.value != "container"]


@pytest.mark.parametrize(("name", "expected"), ROLES.items())
def test_every_leaf_has_its_role(name, expected):
    assert roles((FOLDER / f"{name}.eml").read_bytes()) == expected


def mixed(kind: str, *types: str) -> bytes:
    parts = "".join(f"--b\r\nContent-Type: {type_}\r\n\r\n<p>x</p>\r\n" for type_ in types)
    return f"Content-Type: multipart/{kind}; boundary=b\r\n\r\n{parts}--b--".encode()


SMALL = [
    (mixed("alternative", "text/html", "text/plain"), [HTML, TEXT]),
    (mixed("alternative", "text/html", "text/html"), [HIDDEN, HTML]),
    (mixed("alternative", "text/plain", "text/enriched"), [TEXT, HIDDEN]),
    (mixed("alternative", "text/enriched", "text/html"), [TEXT, HTML]),
    (mixed("alternative", "text/plain", "text/watch-html", "text/html"), [TEXT, HIDDEN, HTML]),
    (mixed("related", "text/html", "text/css", "text/plain"), [HTML, FILE, TEXT]),
    (mixed("related", "image/png", "text/html"), [FILE, HTML]),
    (mixed("mixed", "text/html", "text/plain; name=x.txt"), [HTML, TEXT]),
    (mixed("encrypted", "text/plain", "text/html"), [FILE, FILE]),
    (mixed("digest", "text/plain", "message/rfc822"), [TEXT, FILE]),
    (mixed("form-data", "text/plain", "a/b"), [TEXT, FILE]),
    (b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nx", [TEXT]),
    (b"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a\r\n\r\nx", [FILE]),
    (b"Content-Type: text/html\r\n\r\n&nbsp;", [HTML]),
    (b"Content-Type: application/applefile\r\n\r\nx", [HIDDEN]),
]


@pytest.mark.parametrize(("raw", "expected"), SMALL)
def test_rules_for_single_nodes(raw, expected):
    assert roles(raw) == expected


VIEWS = {
    "plain-and-html": ([HTML], [TEXT]),
    "footer-after-text": ([TEXT, TEXT], [TEXT, TEXT]),
    "apple-mail-mixed-inline": ([HTML, HTML], [TEXT]),
    "outlook-related-in-alternative": ([HTML], [TEXT]),
    "html-only": ([HTML], [HTML]),
    "multipart-without-parts": ([TEXT], [TEXT]),
    "encrypted-pgp": ([], []),
    "prefix-boundaries": ([HTML, TEXT], [TEXT, TEXT]),
}


@pytest.mark.parametrize(("name", "expected"), VIEWS.items())
def test_of_an_alternative_one_view_is_shown(name, expected):
    parts = index((FOLDER / f"{name}.eml").read_bytes()).parts
    rich, plain = expected
    assert [part.role.value for part in view(parts)] == rich
    assert [part.role.value for part in view(parts, plain=True)] == plain


def test_pictures_are_known_by_their_first_bytes():
    assert picture_type(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    assert picture_type(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert picture_type(b"<svg") == ""


def test_the_type_of_a_picture_is_what_its_bytes_say():
    parts = index((FOLDER / "html-cid-images.eml").read_bytes()).parts
    assert [(part.type, part.cid) for part in parts if part.role.value == INLINE] == [
        ("image/png", "one@x"),
        ("image/gif", "two@x"),
    ]


NAMES = {
    "forwarded-rfc822": ["The forwarded one - part 1.eml"],
    "forwarded-in-base64": ["inner.eml"],
    "digest": ["First of the digest.eml", "Second of the digest.eml"],
    "calendar-invitation": ["attachment-1.ics"],
    "delivery-report": ["attachment-1.txt", "The forwarded one - part 1.eml"],
    "same-file-name-twice": ["report.pdf", "Report (2).pdf", "report (3).pdf"],
    "nameless-attachment": ["attachment-1.pdf"],
    "bidi-file-name": ["invoicefdp.exe"],
    "path-in-name": ["_CON.pdf"],
    "misencoded-name": ["Résumé 2026.pdf"],
    "rfc2231-names": ["réel €.pdf", "große Länge.pdf"],
    "raw-8bit-name": ["Übersicht.pdf"],
    "unquoted-name": ["my file (1).pdf"],
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_files_have_the_names_that_people_meant(name, expected):
    assert [part.name for part in index((FOLDER / f"{name}.eml").read_bytes()).parts if part.name] == expected


def test_a_name_that_was_changed_is_kept_beside():
    part = index((FOLDER / "path-in-name.eml").read_bytes()).parts[-1]
    assert part.raw_name == "..\\..\\Windows\\CON.pdf"
