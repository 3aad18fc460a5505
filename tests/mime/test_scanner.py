from itertools import groupby
from pathlib import Path

import pytest

from service.mime.limits import DEPTH, PART_HEADER_BYTES, PARTS
from service.mime.notes import Note
from service.mime.scanner import Scanner
from service.mime.tree import Data, End, Node, Start

MAILS = sorted((Path(__file__).parents[1] / "mail").glob("*.eml"))
HEAD = b'Subject: x\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'


def events(raw: bytes, size: int = 65536) -> list[tuple[str, int, bytes]]:
    """Give the events, neighbouring data of one part joined."""
    scanner = Scanner()
    found = [event for at in range(0, len(raw), size) for event in scanner.feed(raw[at : at + size])] + scanner.close()
    plain: list[tuple[str, int, bytes]] = []
    for event in found:
        match event:
            case Start(node):
                plain.append(("start", node.number, node.header))
            case Data(node, data):
                plain.append(("data", node.number, data))
            case End(node):
                plain.append(("end", node.number, repr((node.start, node.end, node.notes)).encode()))
    joined: list[tuple[str, int, bytes]] = []
    for (kind, number), group in groupby(plain, key=lambda one: one[:2]):
        joined.append((kind, number, b"".join(data for _, _, data in group)))
    return joined


def scan(raw: bytes) -> list[Node]:
    scanner = Scanner()
    scanner.feed(raw)
    scanner.close()
    return scanner.nodes


def bodies(raw: bytes) -> list[bytes]:
    return [raw[node.start : node.end] for node in scan(raw) if not node.children]


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_any_chunking_gives_the_same_events(path):
    raw = path.read_bytes()
    expected = _by_node(events(raw))
    for size in (1, 3, 17, 777):
        assert _by_node(events(raw, size)) == expected


def _by_node(found: list[tuple[str, int, bytes]]) -> dict[tuple[str, int], bytes]:
    """Data of a guessed multipart and of its parts interleave by chunks; by part they are the same."""
    nodes: dict[tuple[str, int], bytes] = {}
    for kind, number, data in found:
        nodes[kind, number] = nodes.get((kind, number), b"") + data
    return nodes


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_the_data_of_a_leaf_is_what_its_offsets_say(path):
    raw = path.read_bytes()
    by_node = _by_node(events(raw))
    for node in scan(raw):
        if not node.children:
            assert by_node.get(("data", node.number), b"") == raw[node.start : node.end]


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_every_byte_is_header_body_or_between_parts(path):
    """What is neither header nor body of a leaf is boundary lines, preamble or epilogue of a multipart."""
    raw = path.read_bytes()
    nodes = scan(raw)
    spans = sorted(
        [(node.start - len(node.header), node.start) for node in nodes]
        + [(node.start, node.end) for node in nodes if not node.children]
    )
    at = 0
    for start, end in spans:
        assert start >= at or start == end
        between = raw[at:start]
        if between and not any(node.start <= at and start <= node.end for node in nodes if node.is_container):
            raise AssertionError(between)
        at = max(at, end)
    assert not raw[at:] or any(node.is_container for node in nodes)


def test_a_line_end_before_a_boundary_belongs_to_it():
    assert bodies(HEAD + b"--b\r\n\r\none\r\n\r\n--b\n\ntwo\n--b--\r\n") == [b"one\r\n", b"two"]


def test_an_outer_boundary_closes_all_inner_ones():
    inner = b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ninner\r\n"
    assert bodies(HEAD + inner + b"--b\r\n\r\nouter\r\n--b--") == [b"inner", b"outer"]


def test_one_boundary_at_two_depths_means_the_innermost():
    inner = b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n"
    nodes = scan(HEAD + inner)
    assert [node.parent.number if node.parent else None for node in nodes] == [None, 0, 1, 1]


def test_a_part_behind_the_end_mark_is_not_lost():
    assert bodies(HEAD + b"--b\r\n\r\none\r\n--b--\r\nepilogue\r\n--b\r\n\r\ntwo\r\n--b--\r\n") == [b"one", b"two"]


@pytest.mark.parametrize("line", [b"--b x", b"--bb", b" --b", b"--B", b"--b--x", b"-b", b"--", b"--b" + b" " * 1001])
def test_a_line_like_a_boundary_is_none(line):
    assert bodies(HEAD + b"--b\r\n\r\n" + line + b"\r\n--b--") == [line]


@pytest.mark.parametrize("line", [b"--b", b"--b \t ", b"--b" + b" " * 1000])
def test_blanks_behind_a_boundary_do_not_matter(line):
    assert bodies(HEAD + b"--b\r\n\r\none\r\n" + line + b"\r\n\r\ntwo\r\n--b--") == [b"one", b"two"]


def test_a_part_without_header_or_without_anything():
    assert bodies(HEAD + b"--b\r\nno header here\r\n\r\nsecond\r\n--b\r\n--b\r\n\r\n--b--") == [
        b"no header here\r\n\r\nsecond",
        b"",
        b"",
    ]


def test_a_header_cut_by_a_boundary_keeps_its_fields():
    nodes = scan(HEAD + b"--b\r\nContent-Type: a/b\r\n--b\r\n\r\ntwo\r\n--b--")
    assert [node.heading.type for node in nodes] == ["multipart/mixed", "a/b", "text/plain"]


@pytest.mark.parametrize("head", [b"Content-Type: multipart/mixed", b"Content-Type: multipart/mixed; boundary=other"])
def test_a_missing_or_wrong_boundary_is_guessed_and_noted(head):
    raw = head + b"\r\n\r\n--used\r\nContent-Type: a/b\r\n\r\none\r\n--used\r\n\r\ntwo\r\n--used--\r\n"
    nodes = scan(raw)
    assert [node.heading.type for node in nodes] == ["multipart/mixed", "a/b", "text/plain"]
    assert all(Note.GUESSED_BOUNDARY in node.notes for node in nodes)
    assert _by_node(events(raw))["data", 0] == raw[nodes[0].start :]


def test_a_boundary_that_is_right_is_never_guessed_over():
    raw = HEAD + b"--quoted\r\nContent-Type: a/b\r\n\r\n--b\r\nContent-Type: c/d\r\n\r\none\r\n--b--"
    assert bodies(raw) == [b"", b"one"]


def test_too_deep_stays_one_opaque_part():
    raw = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth) for depth in range(DEPTH + 5)
    )
    nodes = scan(raw)
    assert len(nodes) == DEPTH + 1
    assert nodes[-1].notes[0] == Note.TOO_DEEP
    assert nodes[-1].heading.type == "application/octet-stream"
    assert raw[nodes[-1].start : nodes[-1].end].count(b"--b") == 5


def test_too_many_parts_leave_the_rest_in_one():
    nodes = scan(HEAD + b"--b\r\n\r\nx\r\n" * (PARTS + 50) + b"--b--\r\n")
    assert len(nodes) == PARTS
    assert nodes[-1].notes[0] == Note.TOO_MANY_PARTS


def test_too_long_a_part_header_makes_an_opaque_part_and_the_next_is_read():
    raw = HEAD + b"--b\r\n" + b"X-A: b\r\n" * (PART_HEADER_BYTES // 8 + 10) + b"\r\none\r\n--b\r\n\r\ntwo\r\n--b--"
    nodes = scan(raw)
    assert [node.notes for node in nodes] == [[], [Note.HEADER_TOO_LONG], []]
    assert raw[nodes[1].start :].startswith(b"X-A: b")
    assert raw[nodes[2].start : nodes[2].end] == b"two"


def test_a_mail_with_cr_alone_is_read():
    raw = HEAD.replace(b"\r\n", b"\r") + b"--b\r\rone\r--b\r\rtwo\r--b--\r"
    assert bodies(raw) == [b"one", b"two"]


def test_a_cut_mail_is_noted_where_it_ends():
    nodes = scan(HEAD + b"--b\r\n\r\none\r\n--b\r\n\r\ntw")
    assert [node.notes for node in nodes] == [[], [], [Note.CUT_SHORT]]
