"""docs/promises.md: no promise is left out, and what is named as keeping it is there."""

import ast
import re
from functools import cache
from pathlib import Path

from quart import Quart

from service.portal.doors.blueprint import doors
from service.portal.help import blueprint as help_centre
from service.portal.mailbox import blueprint as mailbox
from service.portal.preferences import blueprint as preferences

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([^`]+)`")
PROMISES = 71


def rows() -> list[tuple[int, list[str]]]:
    return [(int(number), list(cells)) for number, *cells in ROW.findall(TEXT)]


def routes() -> set[str]:
    app = Quart("routes", static_folder=None)
    for blueprint in (doors, mailbox, preferences, help_centre):
        app.register_blueprint(blueprint)
    return {rule.rule for rule in app.url_map.iter_rules()}


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_promise_stands_once_and_says_something() -> None:
    assert [number for number, _ in rows()] == list(range(1, PROMISES + 1))
    for number, cells in rows():
        assert all(cell.strip() for cell in cells), number
        assert NAMED.findall(cells[2]), number
        assert NAMED.findall(cells[3]), number


def test_every_page_and_file_that_keeps_one_is_there() -> None:
    known = routes()
    for number, cells in rows():
        for place in NAMED.findall(cells[2]):
            if place.startswith("/"):
                assert place in known, (number, place)
            else:
                assert (ROOT / place).exists(), (number, place)


def test_every_test_that_holds_one_is_there() -> None:
    named = [(number, one) for number, cells in rows() for one in NAMED.findall(cells[3])]
    assert len(named) > PROMISES
    for number, one in named:
        path, _, name = one.partition("::")
        assert (ROOT / path).exists(), (number, one)
        assert name.startswith("test_"), (number, one)
        assert name in functions_of(path), (number, one)


def test_every_ruling_is_named_by_a_row_or_stands_for_itself() -> None:
    ruled = set(re.findall(r"^\| (K\d+) \|", TEXT, re.MULTILINE))
    assert ruled == {f"K{number}" for number in range(1, 13)}
    assert set(re.findall(r"\((K\d+)\)", TEXT)) == ruled


def test_the_quick_starts_tell_what_the_guide_told() -> None:
    """Numbers and words that no reader of the guide may miss."""
    told = {
        "quick_start_staff.md": (
            "`[secure]`",
            "anywhere in the subject",
            "Secure Message Sent",
            "TO, CC, BCC, SUBJECT",
            "30 days",
            "35 MB",
            "`ct.gov`",
            "`po.state.ct.us`",
            "same Exchange",
            "Best.Helpdesk@ct.gov",
            "Inbox",
        ),
        "quick_start_recipients.md": (
            "https://safemail.ct.gov",
            "Create your account",
            "hint",
            "Save",
            "12 characters",
            "Forgot your password?",
            "Password Hint",
            "Reset Password",
            "10 wrong tries",
            "60 days",
            "90 days",
            "15 minutes",
            "30 days",
            "35 MB",
            "Reply all",
            "Print",
            "Folders",
            "www.ct.gov",
            "Best.Helpdesk@ct.gov",
            "sender is told",
            "not carried over",
        ),
        "quick_start_recipients.es.md": (
            "https://safemail.ct.gov",
            "Crear su cuenta",
            "pista",
            "Guardar",
            "12 caracteres",
            "¿Olvidó su contraseña?",
            "10 intentos",
            "60 días",
            "90 días",
            "15 minutos",
            "30 días",
            "35 MB",
            "Responder a todos",
            "Imprimir",
            "carpetas",
            "www.ct.gov",
            "Best.Helpdesk@ct.gov",
            "No se trasladó",
        ),
    }
    for name, words in told.items():
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        for word in words:
            assert word in text, (name, word)
