"""No way to a session but those of the table that people read."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[2]
ACCOUNTS = TOP / "service" / "accounts"
SHARED = {"come_in", "come_in_on", "come_in_or_ask", "add_session"}
"""What opens a session: the last step of every way."""
INNER = {"coming_in.come_in", "coming_in.come_in_on", "second_step.come_in_or_ask"}
WITHIN = {"signing_in._settle": "signing_in.sign_in"}
"""Functions that the one in the table calls."""


def openers(path: Path, names: set[str]) -> Iterator[str]:
    """Yield each function of a module that calls one of these."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names:
                yield f"{path.stem}.{function.name}"


def test_only_the_ways_of_the_table_open_a_session() -> None:
    table = (TOP / "docs" / "sign_in_paths.md").read_text(encoding="utf-8")
    told = set(re.findall(r"\| `(\w+\.\w+)` \|", table))
    found = {opener for path in ACCOUNTS.rglob("*.py") for opener in openers(path, SHARED)} - INNER
    assert {WITHIN.get(opener, opener) for opener in found} == told


def test_rows_of_sessions_are_made_in_one_place() -> None:
    for folder in ("service", "graph_sync"):
        for path in (TOP / folder).rglob("*.py"):
            if not path.is_relative_to(ACCOUNTS):
                assert list(openers(path, {"add_session", "come_in_on", "come_in_or_ask"})) == [], path.name
            made = set(openers(path, {"Session"}))
            assert made <= {"sessions.add_session"}, path.name


def test_each_foreign_library_has_one_door() -> None:
    doors = {
        "webauthn": "service/accounts/factors/ceremonies.py",
        "pyotp": "service/accounts/factors/authenticator.py",
        "segno": "service/portal/preferences/security_authenticator.py",
    }
    found: dict[str, set[str]] = {name: set() for name in doors}
    for folder in ("service", "graph_sync"):
        for path in (TOP / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                for name in {one.partition(".")[0] for one in names} & set(doors):
                    found[name].add(str(path.relative_to(TOP)))
    assert found == {name: {door} for name, door in doors.items()}
