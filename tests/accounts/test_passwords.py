"""The rules for passwords, hints and names."""

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.accounts.names import clean_name, is_name
from service.accounts.passwords import Fault, Person, hint_faults, must_change_password, password_faults
from service.core.rules import AS_SHIPPED, Rules
from tests.conftest import NOW

ROSA = Person("rosa.jimenez@example.com", "Rosa", "Jiménez")


@pytest.mark.parametrize(
    "password",
    [
        "seven blue herons 41 lanterns",
        "correct horse battery",
        "q7#Vz!m2Lp0x",
        "tres gatos comen sopa fría",
        "🦉🦉 owl moon kettle 88",
        "пять синих цапель летят",
    ],
)
def test_good_passwords_pass(password: str) -> None:
    assert password_faults(password, ROSA, "the summer by the water") == []


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", Fault.SHORT),
        ("q7#Vz!m2Lp0", Fault.SHORT),
        ("x" * 257, Fault.LONG),
        ("password1234", Fault.GUESSABLE),
        ("passwordpassword", Fault.GUESSABLE),
        ("aaaaaaaaaaaaaaaaaaaaaaa", Fault.GUESSABLE),
        ("Hartford2026!", Fault.GUESSABLE),
        ("contraseña123", Fault.GUESSABLE),
        ("Winter2026!!", Fault.GUESSABLE),
        ("qwertyuiopasdf", Fault.GUESSABLE),
        ("JIMENEZ kettle moon 88", Fault.PERSONAL),
        ("kettle moon jiménez 88", Fault.PERSONAL),
        ("rosa.jimenez@example.com", Fault.PERSONAL),
        ("the-summer-by-the-water 9", Fault.LIKE_HINT),
    ],
)
def test_bad_passwords_are_told_why(password: str, fault: Fault) -> None:
    assert fault in password_faults(password, ROSA, "the summer by the water")


def test_length_is_counted_in_characters_as_they_are_kept() -> None:
    twelve = "q7#Vz!m2Lpé9"
    assert password_faults(unicodedata.normalize("NFD", twelve), ROSA) == []
    assert password_faults("x" * 256, ROSA) == [Fault.GUESSABLE]


def test_hint_may_not_hold_the_password() -> None:
    assert hint_faults("it is Seven-Blue-Herons!", "seven blue herons") == [Fault.HINT_TELLS]
    assert hint_faults("birds and light", "seven blue herons") == []
    assert hint_faults("", "seven blue herons") == []
    assert hint_faults("x" * 201, "seven blue herons") == [Fault.HINT_LONG]
    assert hint_faults("x" * 200, "seven blue herons") == []


@given(st.text(max_size=300), st.text(max_size=220), st.text(max_size=80))
def test_no_text_is_too_odd_for_the_rules(password: str, hint: str, name: str) -> None:
    person = Person("eve@example.com", name, name)
    assert isinstance(password_faults(password, person, hint), list)
    assert isinstance(hint_faults(hint, password), list)
    assert isinstance(is_name(clean_name(name)), bool)


@pytest.mark.parametrize(
    "name", ["Rosa", "Jean-Luc", "O'Neil", "O\u2019Neil", "María José", "J. R.", "李小龍", "Nguyễn", "अनिता", "X" * 60]
)
def test_names_of_people_pass(name: str) -> None:
    assert is_name(clean_name(name))


@pytest.mark.parametrize(
    "name", ["", " ", "-", "B0b", "Rosa <b>", "a@b", "x\u202egnp", "Rosa\nTo: eve", "X" * 61, "Rosa, State", "☃", "1"]
)
def test_what_is_no_name_does_not(name: str) -> None:
    cleaned = clean_name(name)
    assert not is_name(cleaned) or cleaned == "xgnp"


def test_password_serves_sixty_days_in_the_legacy_profile_only() -> None:
    just, not_yet = NOW - timedelta(days=60), NOW - timedelta(days=60) + timedelta(seconds=1)
    assert must_change_password(just, NOW, AS_SHIPPED)
    assert not must_change_password(not_yet, NOW, AS_SHIPPED)
    assert not must_change_password(just - timedelta(days=999), NOW, Rules(password_age=None))
