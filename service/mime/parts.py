"""From what was gathered to the parts of the sheet: roles, names, pictures in the text."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from service.core.sheet import Part, Role
from service.core.text import one_line
from service.mime.decoders import IDENTITY
from service.mime.headers import BlockReader
from service.mime.leaves import MAILS, Leaf
from service.mime.limits import INNER_HEADER_BYTES
from service.mime.names import safe_name, unique_names
from service.mime.roles import assign_roles, picture_type
from service.mime.thread import read_subject

_CID = re.compile(r"cid:([^\"'\s<>)]{1,500})", re.IGNORECASE)
_SOMETHING_TO_SEE = re.compile(r"<(?:img|object|video|picture|svg|input|hr)\b|background", re.IGNORECASE)
_FILES = frozenset({Role.INLINE, Role.ATTACHMENT, Role.HIDDEN})


def make_parts(leaves: Sequence[Leaf], blob: str) -> tuple[Part, ...]:
    """Write the parts, in the order of the mail."""
    markups = {leaf.node.number: leaf.decoded_text() for leaf in leaves if _is_html(leaf)}
    blank = {
        leaf.node.number
        for leaf in leaves
        if _is_html(leaf) and not leaf.plain_text() and not _SOMETHING_TO_SEE.search(markups[leaf.node.number])
    }
    pictures = _pictures(leaves, "".join(markups.values()))
    roles = assign_roles([leaf.node for leaf in leaves], blank=blank, pictures=pictures.keys())
    roles = {
        leaf.node.number: Role.HIDDEN if leaf.node.is_guessed and leaf.node.children else roles[leaf.node.number]
        for leaf in leaves
    }
    names = _names(leaves, roles)
    return tuple(
        _part(leaf, blob, roles[leaf.node.number], name, pictures.get(leaf.node.number, ""))
        for leaf, name in zip(leaves, names, strict=True)
    )


def _is_html(leaf: Leaf) -> bool:
    return leaf.text is not None and leaf.node.heading.type == "text/html"


def _pictures(leaves: Sequence[Leaf], markup: str) -> Mapping[int, str]:
    """Find the parts that html refers to and that are pictures by their first bytes; of a doubled id the first."""
    wanted = {_id_form(found) for found in _CID.findall(markup)} if markup else set()
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
            names[at] = safe_name(leaf.node.heading.name or _inner_name(leaf), leaf.node.heading.type, count)
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
    type_ = heading.type
    if node.is_container and role is not Role.CONTAINER:
        type_ = "text/plain"
    return Part(
        number=node.number,
        parent=node.parent.number if node.parent else None,
        role=role,
        type=picture if role is Role.INLINE else type_,
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
