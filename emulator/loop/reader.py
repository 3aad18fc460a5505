"""The recipient: walks the portal's real forms over HTTP, without JavaScript."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

PASSWORD = "seven blue herons 41 lanterns"  # noqa: S105 - the emulator's own reader, on a fresh database each run


class Lost(Exception):
    """The portal showed another page than the walk needs; the message says which step and what was seen."""


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    """(name, value, formaction) of submit buttons."""
    is_multipart: bool = False


@dataclass
class Page:
    """What the walk needs of a page."""

    url: str
    status: int
    text: str
    forms: list[Form] = field(default_factory=list)
    links: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """(absolute address, attributes) of every `a`."""
    frames: list[str] = field(default_factory=list)
    noted: set[str] = field(default_factory=set)
    """Addresses of files that the page says are damaged."""

    def form(self, part: str) -> Form:
        for form in self.forms:
            if part in form.action:
                return form
        raise Lost(f"no form for {part}")


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.form: Form | None = None
        self.textarea = ""
        self.noted = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if "data-noted" in at:
            self.noted = True
        if tag == "form":
            action = urljoin(self.page.url, at.get("action") or self.page.url)
            self.form = Form(action, at.get("method", "get").lower())
            self.form.is_multipart = "multipart" in at.get("enctype", "")
            self.page.forms.append(self.form)
        elif tag == "a" and "href" in at:
            address = urljoin(self.page.url, at["href"])
            self.page.links.append((address, at))
            if self.noted:
                self.page.noted.add(address)
        elif tag == "iframe":
            self.page.frames.append(urljoin(self.page.url, at.get("src", "")))
        elif self.form is not None:
            self._field(tag, at)

    def _field(self, tag: str, at: dict[str, str]) -> None:
        assert self.form is not None
        name = at.get("name", "")
        if tag == "textarea" and name:
            self.textarea = name
            self.form.fields[name] = ""
        elif tag == "button" and at.get("type", "submit") == "submit":
            self.form.buttons.append((name, at.get("value", ""), at.get("formaction", "")))
        elif tag == "input" and name and at.get("type") not in {"submit", "file", "checkbox", "radio"}:
            self.form.fields[name] = at.get("value", "")
        elif tag == "input" and name and "checked" in at:
            self.form.fields[name] = at.get("value", "on")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "textarea":
            self.textarea = ""
        elif tag == "li":
            self.noted = False

    def handle_data(self, data: str) -> None:
        if self.textarea and self.form is not None:
            self.form.fields[self.textarea] += data


class PortalReader:
    """One recipient's browser."""

    def __init__(self, portal: str, address: str) -> None:
        self.portal = portal
        self.address = address
        self.registered = False
        self.http = httpx.AsyncClient(
            follow_redirects=True,
            timeout=60,
            trust_env=False,
            headers={"Accept-Language": "en", "Sec-Fetch-Site": "same-origin"},
        )

    async def close(self) -> None:
        await self.http.aclose()

    async def open(self, address: str) -> Page:
        return self._page(await self.http.get(address))

    async def press(self, form: Form, fields: dict[str, str], button: tuple[str, str] | None = None) -> Page:
        """Submit a form with what it holds, changed by `fields`."""
        data = {**form.fields, **fields, **({button[0]: button[1]} if button else {})}
        files = {name: (None, value) for name, value in data.items()} if form.is_multipart else None
        if files is not None:
            return self._page(await self.http.post(form.action, files=files))
        return self._page(await self.http.post(form.action, data=data))

    async def attach_and_press(
        self, form: Form, fields: dict[str, str], files: dict[str, tuple[str, bytes, str]], button: tuple[str, str]
    ) -> Page:
        """Submit a multipart form with files; the form's fields come first, as a browser sends them."""
        data = {**form.fields, **fields}
        parts: list[tuple[str, tuple[str | None, bytes] | tuple[str, bytes, str]]] = [
            (name, (None, value.encode())) for name, value in data.items()
        ]
        parts += list(files.items())
        parts.append((button[0], (None, button[1].encode())))
        return self._page(await self.http.post(form.action, files=parts))

    def _page(self, answer: httpx.Response) -> Page:
        page = Page(str(answer.url), answer.status_code, answer.text)
        _Reader(page).feed(answer.text)
        return page


def link_in(text: str, portal: str) -> str:
    """Find the notice's one link."""
    found = re.search(re.escape(portal) + r"/d/[A-Za-z0-9_-]+", text)
    if found is None:
        raise Lost("no link in the notice")
    return found.group()
