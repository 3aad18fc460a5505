"""Words that stand nowhere else, and the forms in which one of them could lie in a file."""

import base64
import quopri
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

LETTERS = "bcdfghjkmnpqrstvwxz"


def letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))


@dataclass
class Planted:
    """What was planted where. All words begin with the same letters, so that one search serves for all of them."""

    words: dict[str, str] = field(default_factory=dict)
    """Name of the place → the word."""
    tokens: dict[str, str] = field(default_factory=dict)
    """What we drew ourselves: links, cookies."""
    beginning: str = field(default_factory=lambda: letters(9))

    def __call__(self, place: str, extra: str = "") -> str:
        """Return the word of a place; `extra` makes it one that ASCII cannot hold."""
        return self.words.setdefault(place, self.beginning + letters(6) + extra)

    def found_in(self, content: bytes) -> set[str]:
        """Return the places whose word, or whose token, stands in these bytes."""
        quick = {"word": forms_of(self.beginning)} | {name: forms_of(token) for name, token in self.tokens.items()}
        found = found_in(content, quick)
        if "word" in found:
            found |= found_in(content, {name: forms_of(word) for name, word in self.words.items()})
        return found

    def search(self, files: Iterable[Path]) -> dict[str, set[str]]:
        """Return which files hold what."""
        contents = ((path, path.read_bytes().rstrip(b"\0")) for path in files)
        return {str(path): found for path, content in contents if (found := self.found_in(content))}


@cache
def forms_of(word: str) -> frozenset[bytes]:
    """Return every form that is looked for."""
    plain = {word.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be")}
    if not word.isascii():
        plain.add(word.encode("latin-1", "replace"))
    forms = set(plain)
    for encoded in plain:
        forms |= {encoded.hex().encode(), encoded.hex().upper().encode()}
        forms.add(quopri.encodestring(encoded, quotetabs=True).replace(b"=\n", b""))
        forms |= set(_base64(encoded))
    forms.add(quote(word).encode())
    forms.add(word.encode("unicode_escape"))
    return frozenset(forms)


def _base64(encoded: bytes) -> Iterable[bytes]:
    """Return the inner characters for each of three places in the groups of four, in both alphabets."""
    for shift in range(3):
        full = (shift + len(encoded)) * 8 // 6
        text = base64.b64encode(b"\0" * shift + encoded)[-(-shift * 8 // 6) : full]
        yield from {text, text.translate(bytes.maketrans(b"+/", b"-_"))}


def found_in(content: bytes, forms: Mapping[str, frozenset[bytes]]) -> set[str]:
    """Return the names of the places whose word stands in these bytes, across soft and hard line ends too."""
    looks = [content, content.lower()]
    joined = content.replace(b"\r\n", b"\n").replace(b"=\n", b"").replace(b"\n", b"")
    if len(joined) != len(content):
        looks.append(joined)
    return {name for name, some in forms.items() if any(form in look for form in some for look in looks)}


def files_below(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]
