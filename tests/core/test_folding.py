"""Texts compared without letter case and accents, and the found words marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.folding import (
    QUERY_CHARACTERS,
    QUERY_WORDS,
    cut_around,
    fold,
    fold_text,
    lacking,
    lead_in,
    mark,
    split_words,
)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("jose", "José"),
        ("JOSÉ", "jose\u0301"),
        ("strasse", "Straße"),
        ("STRASSE", "stra\u00adße"),
        ("lodz", "Łódź"),
        ("oeuvre", "Œuvre"),
        ("fi", "\ufb01"),
        ("istanbul", "İstanbul"),
        ("o'brien", "O\u2019Brien"),
        ("\u03c3\u03b1\u03c2", "\u03a3\u0391\u03a3"),
        ("report", "re\u200bport"),
        ("한글", "한글"),
    ],
)
def test_what_reads_alike_is_found(typed: str, written: str) -> None:
    assert fold(typed) in fold(written)


def test_all_words_must_occur() -> None:
    assert lacking(split_words("lease ELM"), fold_text("The Lease\r\n of 14 elm street")) == ()
    assert lacking(split_words("lease oak"), fold_text("The Lease")) == ("oak",)


def test_a_query_is_cut_into_words_and_phrases() -> None:
    assert split_words(' Lease  "Elm   Street" lease é"b') == ("lease", "elm street", "e", "b")
    assert split_words('  " ') == ()
    assert len(split_words(" ".join(map(str, range(99))))) == QUERY_WORDS
    assert split_words("x" * (QUERY_CHARACTERS + 1)) == ("x" * QUERY_CHARACTERS,)


def test_found_words_are_marked_as_they_are_written() -> None:
    assert mark("Café Straße", ["cafe", "strasse"]) == (("Café", True), (" ", False), ("Straße", True))
    assert mark("jose\u0301 x", ["jose"]) == (("jose\u0301", True), (" x", False))
    assert mark("jose\u0301x", ["josex"]) == (("jose\u0301x", True),)
    assert mark("\ufb01nd", ["i"]) == (("\ufb01", True), ("nd", False))
    assert mark("aaa", ["aa"]) == (("aa", True), ("a", False))
    assert mark("", ["a"]) == ()


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=5), max_size=3))
def test_marking_keeps_the_text(text: str, words: list[str]) -> None:
    folded = [one for word in words if (one := fold(word))]
    pieces = mark(text, folded)
    assert "".join(piece for piece, _ in pieces) == text
    assert all(piece for piece, _ in pieces)


def test_the_place_of_a_word_is_cut_out_of_a_long_text() -> None:
    text = "word " * 5000 + "Néedle\n" + "hay " * 5000
    cut = cut_around(text, ["needle"], 200)
    assert "Néedle" in cut
    assert len(cut) <= 201
    assert cut.startswith("…")
    assert cut_around("Needle", ["needle"], 200) == "Needle"
    assert cut_around(text, ["nothing"], 200) == ""


def test_a_mark_far_behind_is_brought_to_the_front() -> None:
    far = mark("word " * 12 + "needle hay", ["needle"])
    assert lead_in(far, 12) == (("…word word ", False), ("needle", True), (" hay", False))
    near = mark("word needle", ["needle"])
    assert lead_in(near, 12) == near
    assert lead_in((), 12) == ()
    assert lead_in((("needle", True),), 1) == (("needle", True),)
