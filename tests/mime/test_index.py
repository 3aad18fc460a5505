import hashlib
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.sheet import Part, Role
from service.mime.decoders import decoder
from service.mime.headers import HeaderFilter
from service.mime.index import MailIndexer
from service.mime.notes import DAMAGED
from tests.mime.oracle import TEXTS, index, read_leaves

MAILS = sorted((Path(__file__).parents[1] / "mail").glob("*.eml"))
SMALL = [path.read_bytes() for path in MAILS if path.stat().st_size < 6000]
BODIES = {Role.BODY_HTML, Role.BODY_TEXT}
SPLICES = [
    b"\r\n", b"\n", b"\r", b"--=_outer", b"--=_outer--\r\n", b"--=_alt\r\n", b"=", b"==", b"=\r", b"=?utf-8?b?", b"?=",
    b"\x00", b"\xff", b'"', b";", b"(", b"<", b">", b",", b"\r\n\r\n", b"--", b"Content-", b"begin 644 a\n", b" ",
    b'Content-Type: multipart/mixed; boundary="=_alt"\r\n', b"Content-Transfer-Encoding: base64\r\n",
]  # fmt: skip


def by_hand(raw: bytes, part: Part) -> bytes:
    """Read a part as a download does: its range, then its decoder."""
    one = decoder(part.encoding)
    return one.feed(raw[part.offset : part.offset + part.length]) + one.close()


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_any_chunking_gives_the_same_index(path):
    raw = path.read_bytes()
    expected = index(raw)
    for size in (1, 3, 17, 777):
        assert index(raw, size) == expected


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_download_gives_the_bytes_that_were_hashed(path):
    raw = path.read_bytes()
    mail = index(raw)
    assert mail.length == len(raw)
    for part in mail.parts:
        if part.role is Role.CONTAINER:
            assert (part.size, part.sha256, part.name) == (0, "", "")
            continue
        content = by_hand(raw, part)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (part.size, part.sha256)
        assert bool(part.name) is (part.role not in BODIES)


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_every_leaf_of_the_standard_library_is_offered_or_shown(path):
    """The loop's rule: a leaf is a file of the page, or shown text, or the page notes the damage."""
    raw = path.read_bytes()
    mail = index(raw)
    files = Counter(part.sha256 for part in mail.parts if part.role in {Role.ATTACHMENT, Role.INLINE, Role.HIDDEN})
    noted = [part for part in mail.parts if part.name and DAMAGED.intersection(part.notes)]
    for leaf in read_leaves(raw):
        if files[leaf.sha256]:
            files[leaf.sha256] -= 1
        elif leaf.type not in TEXTS or leaf.is_file:
            assert noted, leaf.type


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_names_are_unique(path):
    names = [part.name.casefold() for part in index(path.read_bytes()).parts if part.name]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_numbers_are_unique_and_parents_come_first(path):
    seen: set[int] = set()
    for part in index(path.read_bytes()).parts:
        assert part.number not in seen
        assert part.parent is None or part.parent in seen
        seen.add(part.number)


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_mutation_of_a_mail_raises(chance: random.Random):
    raw = bytearray(chance.choice(SMALL))
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(4):
            case 0:
                raw[at:at] = chance.choice(SPLICES)
            case 1:
                del raw[at : at + chance.randint(1, 30)]
            case 2:
                raw[at : at + 1] = bytes([chance.randrange(256)])
            case _:
                start = chance.randrange(len(raw) + 1)
                raw[at:at] = raw[start : start + chance.randint(1, 200)]
    mail = index(bytes(raw))
    for size in (1, chance.randint(2, 60)):
        assert index(bytes(raw), size) == mail
    for part in mail.parts:
        assert 0 <= part.offset <= part.offset + part.length <= len(raw)
    for text in (mail.subject, mail.text, mail.message_id, *(part.name for part in mail.parts)):
        text.encode()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_at_all_are_a_mail(raw: bytes, size: int):
    assert index(raw, size) == index(raw)
    one = HeaderFilter()
    whole = one.feed(raw) + one.close()
    two = HeaderFilter()
    assert b"".join(two.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + two.close() == whole


def test_two_copies_agree_though_their_headers_differ():
    body = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n\r\ntext\r\n--%s--\r\n"
    one = index(b"From: a@b.example\r\nMessage-ID: <1@x>\r\n" + body.replace(b"%s", b"one"))
    two = index(b"Received: x\r\nFrom: a@b.example\r\n" + body.replace(b"%s", b"two"))
    other = index(b"From: a@b.example\r\n" + body.replace(b"%s", b"one").replace(b"text", b"Text"))
    assert one.content_digest == two.content_digest
    assert one.content_digest != other.content_digest
    assert len(one.content_digest) == 32


def test_the_blob_is_named_in_each_part():
    indexer = MailIndexer("file-1")
    indexer.feed(SMALL[0])
    assert {part.blob for part in indexer.close().parts} == {"file-1"}


def test_people_of_all_lines_are_read():
    mail = index(
        b"From: A <a@x.example>\r\nFrom: B <b@x.example>\r\nSender: S <s@x.example>\r\nTo: c@x.example\r\n"
        b"To: d@x.example\r\nCc: e@x.example\r\nReply-To: f@x.example\r\n\r\n"
    )
    assert [person.address for person in mail.from_] == ["a@x.example", "b@x.example"]
    assert mail.sender
    assert mail.sender.name == "S"
    assert [person.address for person in mail.to + mail.cc + mail.reply_to] == [
        "c@x.example", "d@x.example", "e@x.example", "f@x.example"
    ]  # fmt: skip
    assert mail.notes == ("repeated-header",)


def test_a_text_of_two_types_is_a_file_and_not_shown():
    mail = index((Path(__file__).parents[1] / "mail" / "two-content-types.eml").read_bytes())
    assert [(part.role, part.name) for part in mail.parts] == [(Role.ATTACHMENT, "attachment-1.dat")]
    assert mail.text == ""
    assert "repeated-header" in mail.notes


ENCRYPTED = {"encrypted-smime", "encrypted-pgp", "encrypted-rpmsg"}


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_what_the_senders_program_encrypted_is_known(path):
    assert index(path.read_bytes()).encrypted is (path.stem in ENCRYPTED)


def test_pgp_in_the_text_is_known():
    assert index(b"Subject: x\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n").encrypted


TEXT_ROWS = {
    "plain-and-html": "In plain.",
    "html-only": "Only html here, 5 > 4.",
    "hostile-html": "Plain words stay.\na link\nLast words.",
    "blank-html": "Only the plain text speaks.",
    "footer-after-text": "The text.\n-- \nThe footer of the list.",
    "apple-mail-mixed-inline": "Before.\n\nAfter.",
    "encrypted-pgp": "",
    "empty-multipart": "",
    "empty-body": "",
    "text-attachment-only": "",
    "multipart-without-parts": "There is only text here.\n\nNo part begins.",
    "broken-boundary": "The text.",
    "missing-blank-line": "This line follows the header at once.\n\nMore text.",
    "nul-bytes": "Before after\n",
}


@pytest.mark.parametrize(("name", "expected"), TEXT_ROWS.items())
def test_the_excerpt_is_plain_words(name, expected):
    text = index((Path(__file__).parents[1] / "mail" / f"{name}.eml").read_bytes()).text
    assert text.strip(" \n") == expected.strip(" \n")


def test_a_long_text_is_cut_for_the_excerpt_but_not_in_its_part():
    mail = index(b"Subject: x\r\n\r\n" + "é".encode() * 3_000_000)
    assert len(mail.text.encode()) <= 65536
    assert mail.parts[0].size == 6_000_000
    assert mail.parts[0].notes == ("text-too-long",)
