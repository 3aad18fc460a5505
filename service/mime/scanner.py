"""Where the parts of a mail begin and end: bytes are pushed in, events come out, nothing is kept.

No decision hangs on where a chunk ended. A boundary of an outer multipart closes all inner ones; after its end mark a
multipart may open again, so that no part behind an early end is lost.
"""

import re
from enum import Enum, auto

from service.mime.headers import CR, LF, BlockReader, find_line_end
from service.mime.limits import (
    BLANKS_AFTER_BOUNDARY,
    BOUNDARY_BYTES,
    DEPTH,
    PART_HEADER_BYTES,
    PARTS,
    TOP_HEADER_BYTES,
)
from service.mime.notes import Note
from service.mime.parameters import Heading, read_heading
from service.mime.tree import Data, End, Event, Node, Start

OPAQUE = "application/octet-stream"
_GUESS_SOUGHT_BYTES = 2 * BOUNDARY_BYTES


class _State(Enum):
    BEGIN = auto()
    HEADER = auto()
    BODY = auto()


class Scanner:
    """Feed it a mail and act on its events."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.header = b""
        """The top header block, once read."""
        self._state = _State.BEGIN
        self._buffer = b""
        self._offset = 0  # of the buffer's first byte
        self._line_end = LF
        self._is_at_line_start = True
        self._reader: BlockReader | None = None
        self._open: list[Node] = []  # multiparts, outermost first
        self._leaf: Node | None = None
        self._guessed: Node | None = None
        self._pattern: re.Pattern[bytes] | None = None  # finds a boundary line behind a line end
        self._line: re.Pattern[bytes] | None = None  # the boundary line alone
        self._events: list[Event] = []

    def feed(self, chunk: bytes) -> list[Event]:
        self._buffer += chunk
        self._run(final=False)
        return self._take_events()

    def close(self) -> list[Event]:
        self._run(final=True)
        cut = [node for node in self._open if not node.is_ended and node.children]
        if self._leaf is not None and self._open:
            self._leaf.notes.append(Note.CUT_SHORT)
        elif cut:
            cut[-1].notes.append(Note.CUT_SHORT)
        self._close_down_to(0)
        return self._take_events()

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _run(self, *, final: bool) -> None:
        if self._state is _State.BEGIN:
            line_end = find_line_end(self._buffer, final=final)
            if line_end is None:
                return
            self._line_end = line_end
            self._await_header(TOP_HEADER_BYTES)
        while (self._state is _State.HEADER and self._read_header(final=final)) or (
            self._state is _State.BODY and self._read_body(final=final)
        ):
            pass

    def _await_header(self, longest: int) -> None:
        self._state = _State.HEADER
        self._reader = BlockReader(longest, self._line_end, self._line)

    def _read_header(self, *, final: bool) -> bool:
        reader = self._reader
        assert reader is not None
        chunk, self._buffer = self._buffer, b""
        is_known = reader.feed(chunk)
        if not is_known:
            if not final:
                return False
            reader.close()
        self._buffer = bytes(reader.buffer)
        self._reader = None
        self._state = _State.BODY
        end = reader.end if not reader.is_too_long else 0
        assert end is not None
        header = self._buffer[:end]
        if self._guessed is not None:
            self._events.append(Data(self._guessed, header))
        self._buffer = self._buffer[end:]
        self._offset += end
        self._is_at_line_start = True
        self._start_node(header, Note.HEADER_TOO_LONG if reader.is_too_long else None)
        return True

    def _start_node(self, header: bytes, trouble: Note | None) -> None:
        parent = self._open[-1] if self._open else None
        default = "message/rfc822" if parent and parent.heading.type == "multipart/digest" else "text/plain"
        heading = read_heading(header, default)
        node = Node(len(self.nodes), parent, header, heading, self._offset, notes=heading.notes)
        if not self.nodes:
            self.header = header
        self.nodes.append(node)
        if parent is not None:
            parent.children.append(node)
            if self._guessed is not None:
                node.notes.append(Note.GUESSED_BOUNDARY)
        if trouble is None and heading.type.startswith("multipart/"):
            if len(self._open) < DEPTH:
                node.boundary = _boundary_of(heading)
                self._open.append(node)
                self._compile()
            else:
                trouble = Note.TOO_DEEP
        if trouble is not None:
            node.notes.append(trouble)
            heading.type = OPAQUE
        if not node.is_container:
            self._leaf = node
        self._events.append(Start(node))

    def _read_body(self, *, final: bool) -> bool:
        """Read up to the next boundary line; true where a header follows."""
        if self._pattern is None and not self._may_guess():
            self._pass_on(len(self._buffer))
            return False
        before = self._line_end if self._is_at_line_start else b""
        text = before + self._buffer
        found = self._pattern.search(text) if self._pattern else None
        if found and not final and not text.endswith(self._line_end, found.start() + 1, found.end()):
            found = None  # the line goes on in the next chunk
        guess = self._guess(text, found)
        if guess is None and found is None:
            held = 0 if final else self._held(text)
            self._pass_on(max(0, len(text) - held - len(before)))
            return False
        match = guess or found
        assert match is not None
        start = match.start()
        if self._line_end == LF and text[start - 1 : start] == CR:
            start -= 1
        self._pass_on(max(0, start - len(before)))
        if guess is not None:
            self._take_guess(guess[1].rstrip())
        size = match.end() - start - (len(before) if start == 0 else 0)
        return self._take_boundary(match[1].rstrip(), size, is_end=guess is None and match[2] is not None)

    def _take_boundary(self, boundary: bytes, size: int, *, is_end: bool) -> bool:
        depth = max(at for at, node in enumerate(self._open) if boundary in node.boundaries)
        self._close_down_to(depth + 1)
        node = self._open[depth]
        if is_end and not node.is_ended:
            node.is_ended = True
            node.end = self._offset
        self._consume(size)
        self._is_at_line_start = True
        if is_end:
            return True
        if len(self.nodes) + 1 >= PARTS:
            self._start_node(b"", Note.TOO_MANY_PARTS)
            self._pattern = None
            self._state = _State.BODY
        else:
            self._await_header(PART_HEADER_BYTES)
        return True

    def _pass_on(self, size: int) -> None:
        if size == 0:
            return
        if self._leaf is not None:
            self._events.append(Data(self._leaf, self._buffer[:size]))
        self._consume(size)

    def _consume(self, size: int) -> None:
        childless = self._open[-1] if self._open and self._open[-1].is_blank else None
        for node in {childless, self._guessed} - {None}:
            assert node is not None
            self._events.append(Data(node, self._buffer[:size]))
        self._buffer = self._buffer[size:]
        self._offset += size
        self._is_at_line_start = False

    def _close_down_to(self, depth: int) -> None:
        if self._leaf is not None:
            self._end(self._leaf)
            self._leaf = None
        while len(self._open) > depth:
            node = self._open.pop()
            self._end(node)
            if node is self._guessed:
                self._guessed = None
            self._compile()

    def _end(self, node: Node) -> None:
        if not (node.is_ended and not node.children):
            node.end = self._offset
        self._events.append(End(node))

    def _held(self, text: bytes) -> int:
        """Count the bytes at the end which may begin a boundary line, its line end included."""
        last = text.rfind(self._line_end)
        if last < 0:
            return 1 if self._line_end == LF and text.endswith(CR) else 0
        tail = text[last + 1 :]
        start = None
        if self._may_be_boundary(tail):
            start = last
        if self._may_guess():
            start = self._guess_start(text, last, tail, start)
        if start is None:
            return 1 if self._line_end == LF and text.endswith(CR) else 0
        if self._line_end == LF and text[start - 1 : start] == CR:
            start -= 1
        return len(text) - start

    def _may_be_boundary(self, tail: bytes) -> bool:
        if self._line is not None and self._line.fullmatch(tail):
            return True
        return len(tail) <= BOUNDARY_BYTES + 4 and any(
            (b"--" + one + b"--").startswith(tail) for node in self._open for one in node.boundaries
        )

    def _may_guess(self) -> bool:
        """A multipart in which nothing has begun: its boundary may be missing or wrong."""
        return bool(self._open and self._leaf is None and self._guessed is None and self._open[-1].is_blank)

    def _guess(self, text: bytes, found: re.Match[bytes] | None) -> re.Match[bytes] | None:
        if not self._may_guess():
            return None
        guess = (_GUESS_LF if self._line_end == LF else _GUESS_CR).search(text)
        return guess if guess and (found is None or guess.start() < found.start()) else None

    def _guess_start(self, text: bytes, last: int, tail: bytes, start: int | None) -> int | None:
        previous = text.rfind(self._line_end, 0, last)
        line = text[previous + 1 : last]
        if (
            previous >= 0
            and line.startswith(b"--")
            and len(line) <= _GUESS_SOUGHT_BYTES
            and b"content-".startswith(tail.lower())
        ):
            return previous
        if tail[:2] == b"--"[: len(tail)] and len(tail) <= _GUESS_SOUGHT_BYTES:
            return last
        return start

    def _take_guess(self, boundary: bytes) -> None:
        node = self._open[-1]
        node.guess = boundary
        node.notes.append(Note.GUESSED_BOUNDARY)
        self._guessed = node
        self._compile()

    def _compile(self) -> None:
        boundaries = b"|".join(re.escape(one) for node in reversed(self._open) for one in node.boundaries)
        self._pattern = self._line = None
        if boundaries:
            end = rb"(--)?[ \t]{0,%d}\r?" % BLANKS_AFTER_BOUNDARY
            self._line = re.compile(b"--(" + boundaries + b")" + end)
            self._pattern = re.compile(
                self._line_end + b"--(" + boundaries + b")" + end + rb"(?:\Z|" + self._line_end + rb")"
            )


def _boundary_of(heading: Heading) -> bytes:
    return heading.parameters.get("boundary", "").encode("latin-1").rstrip()[:BOUNDARY_BYTES]


def _guess_pattern(line_end: bytes) -> re.Pattern[bytes]:
    longest = rb"{0,%d}" % (BOUNDARY_BYTES - 1)
    return re.compile(line_end + rb"--(-*[^\s-][^\r\n]" + longest + rb")\r?" + line_end + rb"(?i:(?=content-))")


_GUESS_LF = _guess_pattern(LF)
_GUESS_CR = _guess_pattern(CR)
