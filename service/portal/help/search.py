"""Find answers by words: without regard to case and accents, a word by its beginning; titles weigh most."""

import re
from dataclasses import dataclass
from math import log

from service.core.folding import QUERY_CHARACTERS, QUERY_WORDS, Pieces, fold
from service.portal.help.answers import Answer

MOST = 8
EXCERPT = 180
WEIGHTS = (6, 4, 1)
"""Title, other words for it, text."""
_WORD = re.compile(r"\w+")
_ENDINGS = ("s", "es", "ed", "ing", "ado", "ada", "ados", "adas", "ar")


@dataclass(frozen=True, slots=True)
class Found:
    """An answer that fits, with what fits in it."""

    answer: Answer
    title: Pieces
    excerpt: Pieces


def find(answers: tuple[Answer, ...], query: str) -> list[Found]:
    """Return what fits best, best first; nothing where no word says anything."""
    asked = _stems(query)
    fields = [tuple(_words(text) for text in (one.title, one.words, one.text)) for one in answers]
    worth: dict[str, float] = {}
    for stem in asked:
        hits = sum(any(word.startswith(stem) for one in of for word in one) for of in fields)
        # words that stand in most answers ("the", "I") tell nothing
        worth[stem] = log(len(answers) / hits) if 0 < hits <= len(answers) * 0.6 else 0.0
    scored: list[tuple[float, int, Answer]] = []
    for answer, of in zip(answers, fields, strict=True):
        score = sum(
            weight * value * any(word.startswith(stem) for word in one)
            for stem, value in worth.items()
            for weight, one in zip(WEIGHTS, of, strict=True)
        )
        if score > 0:
            scored.append((-score, len(scored), answer))
    telling = [stem for stem, value in worth.items() if value > 0]
    best = [answer for _, _, answer in sorted(scored)[:MOST]]
    return [Found(one, _marked(one.title, telling), _marked(_excerpt(one.text, telling), telling)) for one in best]


def _stems(query: str) -> list[str]:
    """Cut an ending off each word, so that *folders* finds *folder*; short words must fit as they are."""
    stems: dict[str, None] = {}
    for word in _words(query[:QUERY_CHARACTERS])[:QUERY_WORDS]:
        ending = max((one for one in _ENDINGS if word.endswith(one) and len(word) - len(one) >= 4), key=len, default="")
        stems[word.removesuffix(ending)] = None
    return list(stems)


def fold_each(text: str) -> str:
    """Fold each character into one, so that places in the text stay."""
    return "".join(fold(one)[:1] or one for one in text)


def _words(text: str) -> list[str]:
    return _WORD.findall(fold_each(text))


def _excerpt(text: str, stems: list[str]) -> str:
    """Return the piece of the text round the first word that fits, whole words."""
    if len(text) <= EXCERPT:
        return text
    at = next((one.start() for one in _WORD.finditer(fold_each(text)) if one[0].startswith(tuple(stems))), 0)
    start = max(0, min(at - EXCERPT // 3, len(text) - EXCERPT))
    start = text.find(" ", start - 1) + 1 if start else 0
    end = text.rfind(" ", start, start + EXCERPT + 1) if start + EXCERPT < len(text) else len(text)
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"


def _marked(text: str, stems: list[str]) -> Pieces:
    pieces: list[tuple[str, bool]] = []
    at = 0
    for one in _WORD.finditer(fold_each(text)):
        if stems and one[0].startswith(tuple(stems)):
            pieces += [(text[at : one.start()], False), (text[one.start() : one.end()], True)]
            at = one.end()
    return tuple(piece for piece in (*pieces, (text[at:], False)) if piece[0])
