"""From what was gathered to the parts of the sheet: roles, names, pictures in the text."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from urllib.parse import unquote

from service.core.sheet import Part, Role
from service.core.text import one_line
from service.mime.decoders import IDENTITY
from service.mime.excerpt import strip_html
from service.mime.headers import BlockReader
from service.mime.leaves import MAILS, Leaf
from service.mime.limits import EXCERPT_HTML_BYTES, INNER_HEADER_BYTES, PARTS
from service.mime.names import safe_name, unique_names
from service.mime.roles import assign_roles, picture_type
from service.mime.thread import read_subject

_CID = re.compile(r"cid:([^\"'\s<>)]{1,500})", re.IGNORECASE)
_SOMETHING_TO_SEE = re.compile(r"<(?:img|object|video|picture|svg|input|hr)\b|background", re.IGNORECASE)
_BODIES = frozenset({Role.BODY_HTML, Role.BODY_TEXT})
_FILES = frozenset({Role.INLINE, Role.ATTACHMENT, Role.HIDDEN})


def make_parts(leaves: Sequence[Leaf], blob: str) -> tuple[Part, ...]:
    """Write the parts, in the order of the mail."""
    blank, wanted = _read_html(leaves)
    pictures = _pictures(leaves, wanted)
    roles = dict(assign_roles([leaf.node for leaf in leaves], blank=blank, pictures=pictures.keys()))
    shown = {number for number, role in roles.items() if role in _BODIES}
    roles |= {leaf.node.number: Role.HIDDEN for leaf in leaves if leaf.node.is_container and leaf.has_bytes}
    parts: list[Part] = []
    for leaf, name in zip(leaves, _names(leaves, roles), strict=True):
        part = _part(leaf, blob, roles[leaf.node.number], name, pictures.get(leaf.node.number, ""))
        parts.append(part)
        if leaf.node.is_container and part.number in shown:
            parts.append(_as_text(part, len(leaves) + part.number))
    return tuple(parts)


def _as_text(part: Part, number: int) -> Part:
    """Show a multipart in which nothing was found as the text that it is; the part itself stays to be downloaded."""
    return replace(
        part, number=number, parent=part.number, role=Role.BODY_TEXT, type="text/plain", name="", raw_name=""
    )


def _read_html(leaves: Sequence[Leaf]) -> tuple[set[int], set[str]]:
    """Find the html views with nothing to see, and the ids that html refers to; one text at a time is decoded."""
    blank: set[int] = set()
    wanted: set[str] = set()
    for leaf in leaves:
        if leaf.text is None or leaf.node.heading.type != "text/html":
            continue
        for found in _CID.finditer(leaf.decoded_text()):
            if len(wanted) < PARTS:
                wanted.add(_id_form(found[1]))
        if _may_be_blank(leaf):
            markup = leaf.decoded_text()
            if not _SOMETHING_TO_SEE.search(markup) and not strip_html(markup):
                blank.add(leaf.node.number)
    return blank, wanted


def _may_be_blank(leaf: Leaf) -> bool:
    """Only a view that competes with others is looked at, and a long one says something."""
    parent = leaf.node.parent
    is_view = parent is not None and parent.heading.type == "multipart/alternative"
    return is_view and leaf.size <= EXCERPT_HTML_BYTES


def _pictures(leaves: Sequence[Leaf], wanted: AbstractSet[str]) -> Mapping[int, str]:
    """Find the parts among the wanted that are pictures by their first bytes; of a doubled id the first."""
    found: dict[str, tuple[int, str]] = {}
    for leaf in leaves:
        cid = _id_form(leaf.node.heading.cid)
        if cid in wanted and cid not in found and (type_ := picture_type(leaf.head)):
            found[cid] = (leaf.node.number, type_)
    return dict(found.values())


def _id_form(cid: str) -> str:
    return unquote(cid).strip("<> ").casefold()


def _names(leaves: Sequence[Leaf], roles: Mapping[int, Role]) -> list[str]:
    names = [""] * len(leaves)
    count = 0
    for at, leaf in enumerate(leaves):
        if roles[leaf.node.number] in _FILES:
            count += 1
            type_ = "text/plain" if leaf.node.is_container else leaf.node.heading.type
            names[at] = safe_name(leaf.node.heading.name or _inner_name(leaf), type_, count)
    return unique_names(names)


def _inner_name(leaf: Leaf) -> str:
    """Name an attached mail by its subject."""
    if leaf.node.heading.type not in MAILS:
        return ""
    reader = BlockReader(INNER_HEADER_BYTES)
    reader.feed(leaf.head)
    reader.close()
    subject = read_subject(bytes(reader.buffer[: reader.end]))
    subject = re.sub(r"[/\\]", "-", subject)[:100].strip(" .")
    return f"{subject}.eml" if subject else ""


def _part(leaf: Leaf, blob: str, role: Role, name: str, picture: str) -> Part:
    node, heading = leaf.node, leaf.node.heading
    raw_name = one_line(heading.name)
    return Part(
        number=node.number,
        parent=node.parent.number if node.parent else None,
        role=role,
        type=picture if role is Role.INLINE else heading.type,
        name=name,
        blob=blob,
        offset=node.start,
        length=node.end - node.start,
        encoding=IDENTITY if node.is_container else heading.encoding,
        size=leaf.size if leaf.has_bytes else 0,
        sha256=leaf.digest.hexdigest() if leaf.has_bytes else "",
        charset=one_line(heading.parameters.get("charset", ""), 80),
        cid=one_line(heading.cid),
        raw_name=raw_name if name and raw_name != name else "",
        notes=tuple(dict.fromkeys(str(note) for note in node.notes)),
    )
