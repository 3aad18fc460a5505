"""The topics of the help centre: six on its cards, three beside them."""

from dataclasses import dataclass

from service.portal.language import gettext as _


@dataclass(frozen=True, slots=True)
class Topic:
    """One page of answers; its name is the last piece of its address and the name of its template."""

    name: str
    icon: str
    title: str
    text: str
    is_card: bool = True
    first: str = ""
    """The answer that stands open where none was asked for."""

    @property
    def place(self) -> str:
        return f"/help/{self.name}"

    @property
    def template(self) -> str:
        return f"help/topics/{self.name.replace('-', '_')}.html"


def topics() -> tuple[Topic, ...]:
    """List them in the language of this request."""
    return (
        Topic("sign-in", "login", _("I can’t sign in"), _("Password, codes, locked account")),  # noqa: RUF001 - as it is printed
        Topic("notice", "mail_outline", _("I did not get a notice"), _("Where to look, how to ask again")),
        Topic("real", "verified_user", _("Is this notice real?"), _("Check a notice by its reference")),
        Topic("read", "file_download", _("Read and download"), _("Files, pictures, folders, search, printing")),
        Topic("reply", "reply", _("Reply"), _("Who you can write to, drafts, big files")),
        Topic("account", "person", _("Your account"), _("Preferences, passkeys, closing it")),
        Topic("keys", "list", _("Keyboard shortcuts"), _("All keys in one table"), is_card=False, first="which-keys"),
        Topic(
            "accessibility",
            "visibility",
            _("Accessibility"),
            _("What works, and whom to tell if not"),
            is_card=False,
            first="works",
        ),
        Topic(
            "privacy",
            "lock_outline",
            _("Privacy"),
            _("What we keep, and what we never ask"),
            is_card=False,
            first="kept",
        ),
    )
