"""What Linux says of a process: its processor time and its memory."""

import os
from contextlib import suppress
from pathlib import Path

KIB_IN_MIB = 1024
TICKS = os.sysconf("SC_CLK_TCK")
FORGET_PEAK = "5"
"""Written to clear_refs, it sets the peak to what is used now: man 5 proc_pid_clear_refs"""


def role_of(parent: int, role: str) -> int:
    """Find the child process of `safemail serve` that plays a role."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            above = int(place.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            if above == parent and place.joinpath("cmdline").read_bytes().rstrip(b"\0").endswith(role.encode()):
                return int(place.name)
    raise LookupError(f"no process plays {role}")


def processor_seconds(pid: int) -> float:
    """User and system time of all its threads, in steps of 1/100 s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Memory:
    """How far a process grows from now on."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        Path(f"/proc/{pid}/clear_refs").write_text(FORGET_PEAK)
        self.before = self._mebibytes("VmRSS")

    def peak(self) -> float:
        """Most that it held since then, in MiB."""
        return self._mebibytes("VmHWM")

    def _mebibytes(self, name: str) -> float:
        for line in self._status.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / KIB_IN_MIB
        raise LookupError(f"no {name}")
