"""What a log line may hold: only listed keys come through, and nothing that our code says is lost on the way."""

import ast
from pathlib import Path

import pytest

from service.log import ALLOWED, keep_allowed

ROOT = Path(__file__).parents[2]
METHODS = {"debug", "info", "warning", "error", "critical", "exception"}
ELSEWHERE = {"exc_info"}


def said_in(path: Path) -> list[tuple[int, set[str]]]:
    """Return the lines on which a module logs, with the keys that it gives."""
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    return [
        (call.lineno, {keyword.arg or "**" for keyword in call.keywords})
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in METHODS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in {"log", "_log"}
    ]


@pytest.mark.parametrize("package", ["service", "graph_sync"])
def test_every_key_that_is_logged_is_on_the_list(package: str):
    said = {path: said_in(path) for path in sorted((ROOT / package).rglob("*.py"))}
    lost = {
        f"{path.relative_to(ROOT)}:{line}": keys - ALLOWED - ELSEWHERE
        for path, calls in said.items()
        for line, keys in calls
        if keys - ALLOWED - ELSEWHERE
    }
    assert sum(map(len, said.values())) > 2
    assert lost == {}


def test_other_keys_and_long_or_foreign_values_do_not_come_through():
    kept = keep_allowed(None, "info", {"event": "x" * 999, "subject": "planted", "count": ["planted"], "status": 3})
    assert kept == {"event": "x" * 200, "count": "list", "status": 3}
