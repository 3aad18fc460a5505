"""Foreign style rules made harmless: known properties with plain values, written anew from tokens.

Never lets through an address, a function that loads or computes anything but colour and length, an at-rule or a
selector that reaches beyond type, class and descendant.
"""

from collections.abc import Sequence
from typing import Any

import tinycss2

DECLARATIONS_LONGEST = 8192
"""Characters of one style attribute; real ones are under 1,000."""
SHEET_LONGEST = 65_536
"""Characters of all style elements of one mail; tinycss2 takes about a second for 1 MB."""
SELECTOR_PARTS = 16
SCOPE = ".sm-mail"
"""Every foreign rule is held below this element of our frame."""

_EXACT = frozenset(
    """color background-color line-height letter-spacing text-align text-indent text-transform vertical-align
    white-space width max-width min-width height border-collapse border-spacing list-style-type direction
    table-layout display""".split()  # noqa: SIM905 - read as words
)
_FAMILIES = ("font", "text-decoration", "margin", "padding", "border")
_COLOURS = frozenset({"color", "background-color", "background"})
_FUNCTIONS = frozenset({"rgb", "rgba", "hsl", "hsla", "calc"})
_COLOUR_FUNCTIONS = _FUNCTIONS - {"calc"}
_FONT_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.")
_NOT_WORDS = frozenset({"expression", "behavior", "url", "src", "attr", "var", "env"})


def clean_declarations(text: str) -> tuple[str, bool]:
    """Return the harmless declarations of a style attribute, and whether they set a colour."""
    if len(text) > DECLARATIONS_LONGEST:
        return "", False
    return _declarations(tinycss2.parse_blocks_contents(text, skip_comments=True, skip_whitespace=True))


def clean_sheet(text: str) -> tuple[str, bool]:
    """Return the harmless rules of style elements, each held below `.sm-mail`, and whether they set a colour."""
    if len(text) > SHEET_LONGEST:
        return "", False
    rules: list[str] = []
    coloured = False
    # Outlook wraps its rules into the marks of an HTML comment, which CSS skips at the top level
    for rule in tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True):
        if rule.type != "qualified-rule":
            continue
        selectors = _selectors(rule.prelude)
        if not selectors:
            continue
        kept, colours = _declarations(
            tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
        )
        if kept:
            rules.append(f"{','.join(selectors)}{{{kept}}}")
            coloured = coloured or colours
    return "\n".join(rules), coloured


def _declarations(nodes: Sequence[Any]) -> tuple[str, bool]:
    kept: list[str] = []
    coloured = False
    for node in nodes:
        if node.type != "declaration" or not _is_known(node.lower_name):
            continue
        name = node.lower_name
        value = _value(node.value, only_colour=name == "background")
        if value is None:
            continue
        if name == "background":
            name = "background-color"
        kept.append(f"{name}:{value}{' !important' if node.important else ''}")
        coloured = coloured or name in _COLOURS
    return ";".join(kept), coloured


def _is_known(name: str) -> bool:
    if name in _EXACT or name == "background":
        return True
    if name.startswith("border-image"):
        return False
    return any(name == family or name.startswith(family + "-") for family in _FAMILIES)


def _value(tokens: Sequence[Any], *, only_colour: bool = False) -> str | None:
    """Write a value from its tokens; None where one of them is not plain."""
    words = [token for token in tokens if token.type not in {"whitespace", "comment"}]
    if not words or (only_colour and (len(words) != 1 or not _is_colour(words[0]))):
        return None
    out: list[str] = []
    for token in tokens:
        if token.type == "comment":
            continue
        written = _token(token)
        if written is None:
            return None
        out.append(written)
    return "".join(out).strip() or None


def _is_colour(token: Any) -> bool:
    return token.type in {"ident", "hash"} or (token.type == "function" and token.lower_name in _COLOUR_FUNCTIONS)


def _token(token: Any) -> str | None:
    kind = token.type
    if kind == "whitespace":
        return " "
    if kind == "ident":
        return _ident(token.value)
    if kind == "hash":
        return f"#{token.value}" if token.value.isascii() and token.value.isalnum() else None
    if kind in {"number", "percentage", "dimension"}:
        return _number(token)
    if kind == "string":
        return f"'{token.value}'" if set(token.value) <= _FONT_NAME else None
    if kind == "literal":
        return str(token.value) if token.value in {",", "/"} else None
    if kind == "function" and token.lower_name in _FUNCTIONS:
        return _function(token)
    return None


def _ident(value: str) -> str | None:
    plain = value.replace("-", "").replace("_", "")
    if not plain.isascii() or not plain.isalnum() or len(value) > 64 or value.lower() in _NOT_WORDS:
        return None
    return value


def _number(token: Any) -> str | None:
    text = str(token.representation) if token.type != "dimension" else f"{token.value:g}{token.unit}"
    if token.type == "percentage":
        text = f"{token.value:g}%"
    plain = text.replace(".", "").replace("-", "").replace("+", "").replace("%", "")
    return text if plain.isascii() and plain.isalnum() and len(text) <= 32 else None


def _function(token: Any) -> str | None:
    out: list[str] = []
    for inner in token.arguments:
        if inner.type == "comment":
            continue
        if inner.type == "literal" and inner.value in {"+", "-", "*", "/", ","}:
            out.append(inner.value)
        elif inner.type in {"whitespace", "number", "percentage", "dimension", "ident"}:
            written = _token(inner)
            if written is None:
                return None
            out.append(written)
        else:
            return None
    return f"{token.lower_name}({''.join(out)})"


def _selectors(tokens: Sequence[Any]) -> list[str]:
    """Return the selectors of type, class and descendant only, each below our own element."""
    groups: list[list[Any]] = [[]]
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            groups.append([])
        elif token.type != "comment":
            groups[-1].append(token)
    return [written for group in groups if (written := _selector(group))]


def _selector(tokens: Sequence[Any]) -> str | None:
    out = ""
    after_dot = False
    for token in tokens:
        if token.type == "whitespace" and not after_dot:
            out += " "
        elif token.type == "literal" and token.value == "." and not after_dot:
            after_dot = True
            out += "."
        elif token.type == "ident" and (after_dot or not out or out.endswith(" ")):
            name = _ident(token.value)
            if name is None or (after_dot and name.lower().startswith("sm-")) or name[0] in "-0123456789":
                return None
            out += name
            after_dot = False
        else:
            return None
    compounds = out.split()
    if after_dot or not compounds or len(compounds) > SELECTOR_PARTS:
        return None
    while compounds and compounds[0].lower() in {"html", "body"}:
        compounds.pop(0)
    return " ".join([SCOPE, *compounds])
