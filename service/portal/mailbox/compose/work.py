"""One form in hand: what it answers, what it brought, and its draft once there is one."""

from dataclasses import dataclass, field

from service.core.sheet import Person
from service.mailbox.addressees import RefusedAddress
from service.mailbox.drafts import Draft
from service.mailbox.opening import Opened
from service.portal.mailbox.blueprint import reader


@dataclass(slots=True)
class RefusedFile:
    """A file that was not added, and why."""

    name: str
    size: int
    over_by: int
    is_too_many: bool = False
    is_broken: bool = False


@dataclass(slots=True)
class Typed:
    """What a form brought."""

    to: str = ""
    cc: str = ""
    subject: str = ""
    text: str = ""
    html: str | None = None
    """Its markup, where it was written with the editor; `text` then holds the same in plain words."""
    is_plain: bool = False
    """The writer chose plain text."""
    nonce: str = ""
    """Of the form as it was given out: it makes the draft's id, and tells one window from another."""
    base: str = ""
    """What the draft's words were when this window last knew."""
    do: str = ""
    text_over_by: int = 0
    added: int = 0
    dropped_files: int = 0
    """Of a form that came after its session."""
    carries: bool = False
    """The form showed the original's files; `carry` are those that were ticked."""
    carry: set[int] = field(default_factory=set)
    refused_files: list[RefusedFile] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.text.encode()) + len((self.html or "").encode())


@dataclass(slots=True)
class Faults:
    """Why a message was not sent; each is shown at its field."""

    to: list[RefusedAddress] = field(default_factory=list)
    cc: list[RefusedAddress] = field(default_factory=list)
    nobody: bool = False
    too_many: int = 0
    empty: bool = False
    over_by: int = 0
    drafts_over_by: int = 0
    """With it, all drafts of the writer would be too big: it is not kept."""
    too_often: bool = False
    """So many were sent lately that this one waits."""
    changed: bool = False

    def __bool__(self) -> bool:
        rest = self.over_by or self.drafts_over_by or self.too_often or self.changed
        return bool(self.to or self.cc or self.nobody or self.too_many or self.empty or rest)


@dataclass(slots=True)
class Work:
    original: Opened | None
    """None where it answers nothing."""
    is_forward: bool = False
    draft: Draft | None = None
    room: int = 0
    """Bytes that the writer's other drafts leave."""
    budget: int = 0
    """Bytes of body and files that this message may have."""
    typed: Typed = field(default_factory=Typed)


def me() -> Person:
    who = reader()
    return Person(who.name, who.address)
