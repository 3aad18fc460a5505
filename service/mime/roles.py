"""What each part is to its reader: shown, in the text, attached, hidden. Every leaf gets exactly one role."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum, auto

from service.core.sheet import Part, Role
from service.mime.tree import Node

BODY_TYPES = frozenset({"text/plain", "text/html", "text/enriched", "text/markdown"})
_HIDDEN_TYPES = frozenset({"text/watch-html", "text/x-amp-html", "application/applefile"})
_BODIES = frozenset({Role.BODY_HTML, Role.BODY_TEXT})
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)


Numbers = AbstractSet[int]


class _Place(Enum):
    SHOWN = auto()
    BESIDE_ROOT = auto()
    """In a multipart/related, but not its root."""
    NOT_CHOSEN = auto()
    """In a branch of a multipart/alternative that is not shown: texts are hidden, files are still files."""
    SEALED = auto()
    """Below a multipart/encrypted."""


def picture_type(head: bytes) -> str:
    """Return the type of a picture that may stand in the text, by its first bytes; '' for all else."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((type_ for magic, type_ in _MAGIC if head.startswith(magic)), "")


def is_body(node: Node) -> bool:
    """Say whether a leaf may be shown as text: a file with a name, marked as attachment, is none."""
    heading = node.heading
    return heading.type in BODY_TYPES and not (heading.disposition == "attachment" and heading.name)


def assign_roles(nodes: Sequence[Node], *, blank: Numbers, pictures: Numbers) -> Mapping[int, Role]:
    """Give every leaf its role.

    `blank` are html parts without anything to see, `pictures` those which the html refers to and a browser may show.
    """
    has_html, has_text = _count_texts(nodes, blank)
    places: dict[int, _Place] = {}
    roles: dict[int, Role] = {}
    for node in nodes:  # in the order of the headers: a parent before its children
        place = places.get(node.number, _Place.SHOWN)
        if not node.is_container:
            roles[node.number] = _leaf_role(node, place, pictures)
        elif not node.children:
            roles[node.number] = _text_role(place, Role.BODY_TEXT)
        else:
            roles[node.number] = Role.CONTAINER
            places |= _place_children(node, place, has_html, has_text)
    return roles


def view(parts: Sequence[Part], *, plain: bool = False) -> tuple[Part, ...]:
    """Return the body parts to show, in order: of each alternative the html one, or the plain one where asked for."""
    kinds: dict[int, set[Role]] = {part.number: {part.role} & _BODIES for part in parts}
    has_plain: set[int] = set()
    for part in reversed(parts):
        if part.parent is not None:
            kinds.setdefault(part.parent, set()).update(kinds[part.number])
            if kinds[part.number] == {Role.BODY_TEXT}:
                has_plain.add(part.parent)
    by_number = {part.number: part for part in parts}
    dropped: set[int] = set()
    for part in parts:
        parent = by_number.get(part.parent) if part.parent is not None else None
        if parent is None:
            continue
        if parent.number in dropped:
            dropped.add(part.number)
        elif parent.type == "multipart/alternative" and Role.BODY_HTML in kinds[parent.number]:
            is_html = Role.BODY_HTML in kinds[part.number]
            if is_html == (plain and parent.number in has_plain):
                dropped.add(part.number)
    return tuple(part for part in parts if part.role in _BODIES and part.number not in dropped)


def _count_texts(nodes: Sequence[Node], blank: Numbers) -> tuple[Numbers, Numbers]:
    """Find the nodes which hold html to see, and those which hold any text, at any depth."""
    has_html: set[int] = set()
    has_text: set[int] = set()
    for node in reversed(nodes):
        if not node.is_container and is_body(node):
            if node.heading.type == "text/html" and node.number not in blank:
                has_html.add(node.number)
            if node.heading.type != "text/html":
                has_text.add(node.number)
        if node.parent is not None:
            for found in (has_html, has_text):
                if node.number in found:
                    found.add(node.parent.number)
    return has_html, has_text


def _place_children(node: Node, place: _Place, has_html: Numbers, has_text: Numbers) -> Mapping[int, _Place]:
    numbers = [child.number for child in node.children]
    if node.heading.type == "multipart/encrypted" or place is _Place.SEALED:
        return dict.fromkeys(numbers, _Place.SEALED)
    if place is _Place.NOT_CHOSEN:
        return dict.fromkeys(numbers, place)
    if node.heading.type == "multipart/alternative":
        chosen = _choose(node, has_html, has_text)
        return {number: _Place.SHOWN if number in chosen else _Place.NOT_CHOSEN for number in numbers}
    if node.heading.type == "multipart/related":
        root = _find_root(node, has_html, has_text)
        return {number: _Place.SHOWN if number == root else _Place.BESIDE_ROOT for number in numbers}
    return dict.fromkeys(numbers, _Place.SHOWN)


def _choose(node: Node, has_html: Numbers, has_text: Numbers) -> Numbers:
    """Take the last html branch and the last plain one beside it."""
    html = [child.number for child in node.children if child.number in has_html]
    texts = [child for child in node.children if child.number in has_text and child.number not in has_html]
    plain = [child.number for child in texts if child.is_container or child.heading.type == "text/plain"]
    chosen = {*html[-1:], *(plain or [child.number for child in texts])[-1:]}
    if not chosen:
        chosen = {child.number for child in node.children if not child.is_container and is_body(child)}
    return chosen


def _find_root(node: Node, has_html: Numbers, has_text: Numbers) -> int:
    start = node.heading.parameters.get("start", "").strip("<> ")
    for child in node.children:
        if start and child.heading.cid == start:
            return child.number
    first = node.children[0].number
    if first in has_html or first in has_text:
        return first
    return next((child.number for child in node.children if child.number in has_html), first)


def _leaf_role(node: Node, place: _Place, pictures: Numbers) -> Role:
    heading = node.heading
    if place is _Place.SEALED:
        return Role.ATTACHMENT
    if heading.type in _HIDDEN_TYPES:
        return Role.HIDDEN
    if node.number in pictures:
        return Role.INLINE
    if is_body(node) and not (place is _Place.BESIDE_ROOT and (heading.cid or heading.name)):
        return _text_role(place, Role.BODY_HTML if heading.type == "text/html" else Role.BODY_TEXT)
    return Role.ATTACHMENT


def _text_role(place: _Place, role: Role) -> Role:
    if place is _Place.SEALED:
        return Role.ATTACHMENT
    return Role.HIDDEN if place is _Place.NOT_CHOSEN else role
