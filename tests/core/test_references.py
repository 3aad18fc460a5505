"""A reference is read however a person writes it, and nothing else is."""

import pytest

from service.core.references import ALPHABET, new_reference, read_reference, shown


@pytest.mark.parametrize(
    "typed",
    ["7K4M-2QX9", "7k4m2qx9", " 7K4M 2QX9 ", "7K4M\u20132QX9", "7K4M\u00a02QX9", "7 k 4 m - 2 q x 9", "7K4M-2QX9."],
)
def test_case_blanks_and_dashes_do_not_matter(typed: str) -> None:
    assert read_reference(typed) == "7K4M2QX9"


@pytest.mark.parametrize(("typed", "read"), [("OOOO-IILL", "00001111"), ("oIlO-0110", "01100110")])
def test_letters_that_look_like_digits_are_those(typed: str, read: str) -> None:
    assert read_reference(typed) == read


@pytest.mark.parametrize(
    "typed", ["", "7K4M-2QX", "7K4M-2QX99", "7K4M-2QXU", "7K4M_2QX9", "\u0660" * 8, "ﬁ" * 4, "é" * 8]
)
def test_nothing_else_is_a_reference(typed: str) -> None:
    assert read_reference(typed) is None


def test_what_we_print_we_read() -> None:
    for _ in range(50):
        reference = new_reference()
        assert set(reference) <= set(ALPHABET)
        assert read_reference(shown(reference)) == reference
