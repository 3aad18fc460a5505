"""Render a letter's subject, text and HTML from its folder of templates.

`templates/<letter>/<language>/{subject.txt,body.txt,body.html}`. Foreign strings enter by the values alone: HTML
escapes them, and every value has lost its line breaks before it gets here, so that none can draw a line of its own.
"""

import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from service.core.text import header_text
from service.letters import formats

TEXT_COLUMNS = 72
LABEL_COLUMNS = 15
SUBJECT_CHARACTERS = 250


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


def render(letter: str, language: str, values: dict[str, Any]) -> Rendered:
    """Render one letter; a value that a template wants and does not get is an error."""
    environment = _environment()

    def part(name: str) -> str:
        return environment.get_template(f"{letter}/{language}/{name}").render(values)

    return Rendered(
        header_text(part("subject.txt"), SUBJECT_CHARACTERS), part("body.txt").strip() + "\n", part("body.html")
    )


def render_words(letter: str, language: str, values: dict[str, Any]) -> dict[str, str]:
    """Render what both forms of a letter say, block by block of `words.txt`: plain text that HTML escapes."""
    template = _environment().get_template(f"{letter}/{language}/words.txt")
    context = template.new_context(values)
    return {name: " ".join("".join(block(context)).split()) for name, block in template.blocks.items()}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",), disabled_extensions=("txt",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(fill=_fill, row=_row, size=formats.size)
    return environment


def _fill(text: str, hang: str = "") -> str:
    """Break a paragraph of plain text; words and addresses stay whole."""
    return textwrap.fill(
        " ".join(text.split()),
        TEXT_COLUMNS,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _row(value: str | list[str], label: str) -> str:
    """Write a label and its value, or its values one below the other, in two columns."""
    lines = [
        line
        for one in (value if isinstance(value, list) else [value])
        for line in textwrap.wrap(one, TEXT_COLUMNS - LABEL_COLUMNS, break_long_words=False, break_on_hyphens=False)
        or [""]
    ]
    labels = [label, *[""] * (len(lines) - 1)]
    return "\n".join(f"{left:<{LABEL_COLUMNS}}{line}".rstrip() for left, line in zip(labels, lines, strict=True))
