"""The documents say what is there: settings, links, commands, and the tests that a claim names."""

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from service.cli import app
from service.settings import ROLES, Shared, names

ROOT = Path(__file__).parent.parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
ROW = re.compile(r"^\| `(SAFEMAIL_\w+)` \| (.+?) \|", re.MULTILINE)
PLACE = re.compile(r"`((?:service|graph_sync|emulator|azure|addin|tests)/[\w./-]*\w/?)`")
PICTURES = "docs/pictures/"
"""Made by `make screenshots`."""


def section(text: str, title: str) -> dict[str, str]:
    """Return variable → default as the table below a heading shows them."""
    body = text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return dict(ROW.findall(body))


def documented(role: str) -> dict[str, str]:
    return section((ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), role)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_setting_of_every_role_is_documented_where_it_belongs():
    assert set(documented("Every role")) == names(Shared)
    for role, settings in ROLES.items():
        assert set(documented(role)) == names(settings) - names(Shared), role


@pytest.mark.parametrize("role", ["Every role", *ROLES])
def test_documented_defaults_are_the_real_ones(role: str):
    settings = Shared if role == "Every role" else ROLES[role]
    for variable, shown in documented(role).items():
        field = settings.model_fields[variable.removeprefix("SAFEMAIL_").lower()]
        default = field.default
        if field.is_required():
            assert shown == "required", variable
        elif default is None:
            assert shown == "none", variable
        elif isinstance(default, timedelta):
            assert TypeAdapter(timedelta).validate_python(shown.strip("`")) == default, variable
        elif isinstance(default, list):
            assert shown.strip("`").split() == default, variable
        else:
            assert shown.strip("` ") in {str(default), str(default).lower()}, variable


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = page if not path else (page.parent / path).resolve()
        if not str(target).startswith(str(ROOT / PICTURES)):
            assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_tests_that_a_claim_names_exist():
    text = (ROOT / "docs" / "threat_model.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/.\-]+)`", text))
    assert len(named) > 10
    for path in named:
        assert (ROOT / path).exists(), path


def test_commands_of_the_readme_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in set(re.findall(r"`make (\w+)`", text)):
        assert re.search(rf"^{word}:", makefile, re.MULTILINE), word
    for command in ("portal", "hook", "sync", "serve", "db upgrade", "keys init", "keys list", "account unlock"):
        result = CliRunner().invoke(app, [*command.split(), "--help"])
        assert result.exit_code == 0, command


def test_no_path_of_somebodys_machine_stands_in_a_document():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w:/.])/(home|root|tmp|Users|work)/", text), page


def test_make_lists_its_words():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "make demo" in listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_places_in_the_code_that_a_page_names_are_there(page: Path):
    for place in PLACE.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / place).exists(), place


def test_each_word_of_the_glossary_stands_once():
    words = re.findall(r"^\| (.+?) \|", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    each = [one for word in words[2:] for one in word.split(", ")]
    assert len(each) == len(set(each)) > 40
