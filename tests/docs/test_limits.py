"""docs/limits.md: each limit that ships is named, with tests that are there and settings that are so."""

import ast
import re
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from service.core import limits
from service.core.rules import Rules
from service.settings import ROLES, names

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?!rule|---)(.+?) \| (.+?) \|(.*?)\| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`([^`]+)`")
NO_EDGE = {"MEBIBYTE", "EXCERPT_CHARACTERS", "CODE_DIGITS"}
"""A unit, how much of a text a list shows, and how long a code is."""


def rows() -> list[tuple[str, str, str, str, str]]:
    return ROW.findall(TEXT)


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_row_is_read() -> None:
    assert len(rows()) == len(re.findall(r"^\| (?!rule|---)", TEXT, re.MULTILINE)) > 60


def test_each_side_of_each_limit_names_a_test_that_is_there() -> None:
    for rule, _, _, *sides in rows():
        for side in sides:
            named = NAMED.findall(side)
            assert named, rule
            for one in named:
                path, _, name = one.partition("::")
                assert (ROOT / path).exists(), (rule, one)
                assert name.startswith("test_"), (rule, one)
                assert name in functions_of(path), (rule, one)


def test_each_setting_that_moves_one_is_there() -> None:
    known = {name for role in ROLES.values() for name in names(role)}
    for rule, _, setting, *_ in rows():
        assert set(NAMED.findall(setting)) <= known, rule


@pytest.mark.parametrize("name", sorted(name for name in vars(limits) if name.isupper()))
def test_each_limit_as_shipped_stands_in_the_table(name: str) -> None:
    assert name in NO_EDGE or any(f"`{name}`" in value for _, value, *_ in rows())


def test_each_rule_that_a_state_may_set_names_its_setting() -> None:
    named = {one for _, _, setting, *_ in rows() for one in NAMED.findall(setting)}
    durations_and_counts = {field.name for field in fields(Rules) if field.name != "reset_unlocks"}
    for field in durations_and_counts | {"retention", "inactive", "inactive_warning", "inactive_grace"}:
        assert f"SAFEMAIL_{field.upper()}" in named, field
