"""What the roles do on this machine while they work: files they hold open for writing, words they were started with.

Two looks together. Python's own opens are told by an audit hook (`watch/sitecustomize.py`), each of them, however
short. What SQLite and obstore open is seen by asking the kernel ten times a second: a file that one of them opened,
wrote and deleted between two looks would be missed. Their folder for temporary files is one of ours and must be empty
at the end.
"""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

EVERY_SECONDS = 0.1
WRITABLE = os.O_WRONLY | os.O_RDWR


@dataclass
class Watched:
    """The processes below one, looked at until `stop`."""

    top: int
    opened: set[str] = field(default_factory=set)
    commands: dict[int, list[str]] = field(default_factory=dict)
    environments: dict[int, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def role(self, name: str) -> int:
        """Return the process of a role."""
        return next(pid for pid, words in self.commands.items() if words[-1] == name)

    def _look_on(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            for pid in below(self.top):
                with suppress(OSError):  # gone between two looks
                    self._look(pid)

    def _look(self, pid: int) -> None:
        at = Path("/proc") / str(pid)
        self.commands[pid] = (at / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
        # looked at each time: between fork and exec a child still shows its parent's
        pairs = (pair.partition("=") for pair in (at / "environ").read_bytes().decode().split("\0") if pair)
        self.environments[pid] = {name: value for name, _, value in pairs}
        for handle in (at / "fd").iterdir():
            with suppress(OSError, StopIteration):
                target = str(handle.readlink())
                about = (at / "fdinfo" / handle.name).read_text().splitlines()
                flags = int(next(line for line in about if line.startswith("flags:")).split()[1], 8)
                if target.startswith("/") and flags & WRITABLE:
                    self.opened.add(target)


def below(top: int) -> list[int]:
    """Return a process and all that it started, as far as they live."""
    found = [top]
    for pid in found:
        with suppress(OSError):
            children = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text()
            found += [int(child) for child in children.split()]
    return found
