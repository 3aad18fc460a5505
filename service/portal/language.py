"""English stands in the templates; `locale/es*.po` hold the Spanish. Read at the start, no build step."""

from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from quart import Quart, Response, request
from werkzeug.datastructures import MultiDict

LANGUAGES = {"en": "English", "es": "Español"}
LOCALE = Path(__file__).parent / "locale"
COOKIE = "lang"
A_YEAR = 31_536_000
_language: ContextVar[str] = ContextVar("language", default="en")


@cache
def translations(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    found = Translations()
    for path in sorted(LOCALE.glob(f"{language}*.po")):
        compiled = BytesIO()
        with path.open("rb") as file:
            write_mo(compiled, read_po(file, locale=language))
        compiled.seek(0)
        found.merge(Translations(compiled))
    return found


def speak(language: str) -> None:
    """Set the language of this request."""
    _language.set(language)


def language() -> str:
    return _language.get()


def gettext(message: str) -> str:
    return translations(_language.get()).gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    return translations(_language.get()).ngettext(one, many, count)


def negotiate(account: str = "") -> str:
    """Choose: what was just pressed, what this browser chose before, the account's, what the browser asks for."""
    for wish in (request.args.get("lang", ""), request.cookies.get(COOKIE, ""), account):
        if wish in LANGUAGES:
            return wish
    return request.accept_languages.best_match(list(LANGUAGES), default="en")


def switch_link(to: str) -> str:
    """Return a link to this very page in another language; relative, so that it tells nothing about the page."""
    kept = MultiDict((name, value) for name, value in request.args.items(multi=True) if name != "lang")
    return "?" + urlencode([*kept.items(multi=True), ("lang", to)])


def set_up(app: Quart, *, secure: bool) -> None:
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    app.jinja_env.globals |= {"language": language, "languages": LANGUAGES, "switch_link": switch_link}

    @app.after_request
    async def keep_choice(response: Response) -> Response:
        if (wish := request.args.get("lang", "")) in LANGUAGES:
            response.set_cookie(COOKIE, wish, max_age=A_YEAR, secure=secure, httponly=True, samesite="Lax", path="/")
        return response
