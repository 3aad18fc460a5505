"""Writes the mails of this folder, which are committed: `python -m tests.mail.make`."""

from pathlib import Path

from tests.mail.bodies import BODIES
from tests.mail.headers import HEADERS
from tests.mail.trees import TREES

FOLDER = Path(__file__).parent


def all_mails() -> dict[str, bytes]:
    return {**HEADERS, **BODIES, **TREES}


if __name__ == "__main__":
    for name, mail in all_mails().items():
        (FOLDER / f"{name}.eml").write_bytes(mail)
