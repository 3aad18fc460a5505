"""Well-formed mails made at random: every leaf is the standard library's, byte for byte, and nothing is remarked."""

import base64
import quopri
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.sheet import Role
from tests.mime.oracle import index, read_leaves

KINDS = ("mixed", "alternative", "related", "signed", "report", "parallel", "x-own", "digest")
TYPES = ("text/plain", "text/html", "application/pdf", "image/png", "text/calendar", "message/rfc822")
LINES = (
    b"",
    b"a line",
    b"--",
    b"-- ",
    b"--b",
    b"---",
    b"From here",
    b".",
    b"\xff\x00\xfe",
    b"x" * 1200,
    b" blank",
    b"=3D",
    b"Subject: x",
)


def a_leaf(chance: random.Random, line_end: bytes) -> bytes:
    type_ = chance.choice(TYPES)
    encoding = chance.choice(("7bit", "8bit", "binary", "base64", "quoted-printable", ""))
    if type_.startswith("message/"):
        encoding = "8bit"
    content = line_end.join(chance.choice(LINES) for _ in range(chance.randrange(8)))
    if encoding == "base64":
        content = base64.encodebytes(content).replace(b"\n", line_end)
    elif encoding == "quoted-printable":
        content = quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", line_end)
    head = [f"Content-Type: {type_}".encode()]
    if chance.random() < 0.4:
        head.append(
            b'Content-Disposition: attachment;\r\n filename="f%d.bin"'.replace(b"\r\n", line_end) % chance.randrange(9)
        )
    if encoding:
        head.append(f"Content-Transfer-Encoding: {encoding}".encode())
    chance.shuffle(head)
    return line_end.join([*head, b"", content])


def a_tree(chance: random.Random, line_end: bytes, depth: int) -> bytes:
    """Build from the bottom: each level joins what was built so far with some leaves."""
    tree = a_leaf(chance, line_end)
    for level in range(depth):
        boundary = f"=_{level}{chance.choice(('', '.x', '+y/z', '?'))}".encode()
        parts = [a_leaf(chance, line_end) for _ in range(chance.randrange(3))]
        parts.insert(chance.randrange(len(parts) + 1), tree)
        body = b"".join(b"--" + boundary + line_end + part + line_end for part in parts) + b"--" + boundary + b"--"
        head = f'Content-Type: multipart/{chance.choice(KINDS)}; boundary="'.encode() + boundary + b'"' + line_end * 2
        preamble = chance.choice((b"", b"In MIME format." + line_end))
        tree = head + preamble + body + chance.choice((b"", line_end, line_end + b"epilogue"))
    return tree


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 5), st.sampled_from([b"\r\n", b"\n"]))
def test_every_leaf_is_the_standard_librarys(chance: random.Random, depth: int, line_end: bytes):
    raw = b"Subject: x" + line_end + a_tree(chance, line_end, depth)
    mail = index(raw, chance.choice((1, 7, 100, 65536)))
    ours = [(part.type, part.sha256) for part in mail.parts if part.role is not Role.CONTAINER]
    assert ours == [(leaf.type, leaf.sha256) for leaf in read_leaves(raw)]
    assert not any(part.notes for part in mail.parts)
