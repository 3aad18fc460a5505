"""The answers of all topics as plain text, read out of the pages themselves: what is searched is what is shown."""

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

from quart import current_app, render_template

from service.portal.help.topics import Topic, topics
from service.portal.language import LANGUAGES, language, speak

KEPT = "safemail.help"
_BLOCKS = {"p", "li", "tr", "td", "th", "div", "ul", "ol", "table", "summary", "figure", "figcaption"}
_SILENT = {"svg", "img"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of one topic."""

    topic: Topic
    id: str
    title: str
    text: str
    words: str
    """Other words that people use for it; searched, never shown."""

    @property
    def place(self) -> str:
        """Its place, unfolded by the server: a browser without script opens no `<details>` by itself."""
        return f"{self.topic.place}?open={self.id}#{self.id}"


@dataclass(slots=True)
class _Reader(HTMLParser):
    """Collects what stands in `<details class="sm-qa">`."""

    topic: Topic
    found: list[Answer] = field(default_factory=list)
    _id: str = ""
    _words: str = ""
    _title: list[str] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _is_title: bool = False

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "details" and "sm-qa" in (told.get("class") or ""):
            self._id, self._words = told.get("id") or "", told.get("data-words") or ""
            self._title, self._text = [], []
        self._is_title = tag == "summary" or (self._is_title and tag not in _BLOCKS)
        if tag in _BLOCKS:
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "details" and self._id:
            title, text = (" ".join("".join(pieces).split()) for pieces in (self._title, self._text))
            self.found.append(Answer(self.topic, self._id, title, text, self._words))
            self._id = ""
        if tag == "summary":
            self._is_title = False

    def handle_data(self, data: str) -> None:
        if self._id:
            (self._title if self._is_title else self._text).append(data)


async def answers() -> tuple[Answer, ...]:
    """Return all answers in the language of this request, findable by the other's words too.

    They are the same until the next start.
    """
    kept: dict[str, tuple[Answer, ...]] = current_app.extensions.setdefault(KEPT, {})
    here = language()
    if here not in kept:
        read = {}
        for one in LANGUAGES:
            speak(one)
            read[one] = await _read()
        speak(here)
        for one in LANGUAGES:
            others = (read[other] for other in LANGUAGES if other != one)
            kept[one] = tuple(_with_words(*same) for same in zip(read[one], *others, strict=True))
    return kept[here]


async def _read() -> list[Answer]:
    found: list[Answer] = []
    for topic in topics():
        reader = _Reader(topic)
        reader.feed(await render_template(topic.template, opened=""))
        found += reader.found
    return found


def _with_words(answer: Answer, *others: Answer) -> Answer:
    words = " ".join([answer.words, *(f"{other.title} {other.words}" for other in others)])
    return replace(answer, words=words)
