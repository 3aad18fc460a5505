import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.core.references import ALPHABET, new_reference, shown
from service.core.sheet import Part, Person, Role, Sheet
from service.core.tag import is_tagged, tagged
from service.core.text import header_text, one_line


def rule_vectors() -> dict[str, list[str]]:
    rules = Path(__file__).parents[2] / "azure" / "exchange" / "mail-flow-rules.json"
    vectors: dict[str, list[str]] = json.loads(rules.read_text(encoding="utf-8"))["subjectPatterns"]
    return vectors


def test_the_tag_agrees_with_the_rules_own_vectors() -> None:
    vectors = rule_vectors()
    assert vectors["must"]
    assert vectors["mustNot"]
    assert [subject for subject in vectors["must"] if not is_tagged(subject)] == []
    assert [subject for subject in vectors["mustNot"] if is_tagged(subject)] == []


def test_tagging_is_idempotent() -> None:
    assert tagged("lease") == "[secure] lease"
    assert tagged("RE: [ Secure ] lease") == "RE: [ Secure ] lease"
    assert tagged("") == "[secure]"


def test_references_use_no_letter_that_misreads() -> None:
    drawn = {new_reference() for _ in range(200)}
    assert len(drawn) == 200
    assert set("".join(drawn)) <= set(ALPHABET)
    assert not set("ILOU") & set(ALPHABET)
    assert shown("7K4M2QX9") == "7K4M-2QX9"


@pytest.mark.parametrize(
    ("foreign", "safe"),
    [
        ("a\r\nBcc: x@y.z", "a Bcc: x@y.z"),
        ("a\u2028b\u202ec\u200bd", "abcd"),
        ("a\x00b\x85c", "abc"),
        ("  a \t  b ", "a b"),
        ("\ud800x", "x"),
    ],
)
def test_foreign_text_becomes_one_line(foreign: str, safe: str) -> None:
    assert one_line(foreign) == safe


def test_header_text_leaves_no_encoded_word_and_is_bounded() -> None:
    assert "=?" not in header_text("=?utf-8?q?a=0d=0aBcc:_x=40e?=")
    assert len(header_text("x" * 500)) == 200


def test_a_sheet_reads_back_as_it_was() -> None:
    sheet = Sheet(
        subject="[secure] Überprüfung 📎",
        sender=Person("Maria Delgado", "maria.delgado@ct.gov"),
        sent_at=datetime(2026, 9, 22, 12, 22, 37, tzinfo=UTC),
        to=(Person("", "rosa@example.com"),),
        references=("<a@b>",),
        parts=(
            Part(1, None, Role.CONTAINER, "multipart/mixed", "", "source", 0, 0, "identity", 0, ""),
            Part(2, 1, Role.ATTACHMENT, "application/pdf", "a.pdf", "source", 9, 8, "base64", 6, "00", notes=("x",)),
        ),
        size=6,
        notes=("no-date",),
    )
    assert Sheet.from_bytes(sheet.to_bytes()) == sheet
    assert [part.name for part in sheet.attachments] == ["a.pdf"]


@pytest.mark.parametrize("bad", [b"{}", b'{"v": 2}', b'{"v": 1, "subject": "x"}'])
def test_another_shape_is_no_sheet(bad: bytes) -> None:
    with pytest.raises(ValueError, match="sheet"):
        Sheet.from_bytes(bad)
