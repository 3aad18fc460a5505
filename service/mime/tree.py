"""The tree of a mail, and what the scanner says while it grows."""

from dataclasses import dataclass, field

from service.mime.parameters import Heading


@dataclass(slots=True, eq=False)
class Node:
    """One place in the tree; `start` and `end` are offsets of its body in the bytes fed."""

    number: int
    parent: "Node | None"
    header: bytes
    heading: Heading
    start: int
    end: int = 0
    boundary: bytes | None = None
    """None: a leaf."""
    children: list["Node"] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_ended: bool = False
    """The multipart's own end mark was seen."""
    guess: bytes = b""
    """Another boundary, taken from the text because the one that was said is missing or wrong; both count."""

    @property
    def is_blank(self) -> bool:
        """A multipart in which no part has begun, and which has not been ended."""
        return not self.children and not self.is_ended

    @property
    def is_guessed(self) -> bool:
        return bool(self.guess)

    @property
    def boundaries(self) -> tuple[bytes, ...]:
        return tuple(boundary for boundary in (self.boundary, self.guess) if boundary)

    @property
    def is_container(self) -> bool:
        return self.boundary is not None


@dataclass(frozen=True, slots=True)
class Start:
    """A part begins: its header has been read."""

    node: Node


@dataclass(frozen=True, slots=True)
class Data:
    """Encoded bytes of a leaf; of a multipart all up to its first part, and on to its end where that was guessed."""

    node: Node
    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """A part is complete."""

    node: Node


Event = Start | Data | End
