"""Read by every Python process that has this folder on its path: notes each file that Python opens for writing.

What C libraries open by themselves (SQLite, obstore) does not pass here; `watched.py` looks at their open files.
"""

import os
import sys

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def watch(record: str) -> None:
    handle = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES:
            os.write(handle, f"{arguments[0]!s}\n".encode("utf-8", "surrogateescape"))

    sys.addaudithook(heard)


if "LEAKS_RECORD" in os.environ:
    watch(os.environ["LEAKS_RECORD"])
