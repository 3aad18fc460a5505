"""Every string that leaves the reader can be written as utf-8: a lone surrogate would kill JSON and the database."""

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def scrub(text: str) -> str:
    """Put `?` for lone surrogates."""
    return _SURROGATE.sub("?", text)
