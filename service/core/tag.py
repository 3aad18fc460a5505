"""The tag that makes a mail secure; the subject is the only trigger."""

import re

TAG = re.compile(r"\[\s*secure\s*\]", re.IGNORECASE)


def is_tagged(subject: str) -> bool:
    """Say whether a decoded subject carries the tag: any letter case, blanks inside the brackets allowed."""
    return TAG.search(subject) is not None


def tagged(subject: str) -> str:
    """Return the subject with the tag in front, unless it carries one already."""
    return subject if is_tagged(subject) else f"[secure] {subject}".rstrip()
