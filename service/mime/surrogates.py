"""Every string that leaves the reader can be written as utf-8: a lone surrogate would kill JSON and the database."""


def scrub(text: str) -> str:
    """Put `?` for lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")
