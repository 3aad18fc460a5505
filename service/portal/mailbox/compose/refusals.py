"""Why an address gets nothing, in the reader's words."""

from babel.lists import format_list

from service.letters.formats import LOCALES
from service.mailbox.addressees import RefusedAddress, Why
from service.portal.language import gettext as _
from service.portal.language import language
from service.portal.state import portal


def why(refused: RefusedAddress) -> tuple[str, str]:
    """Return what is wrong, and what to do about it."""
    address = {"address": refused.person.address}
    if refused.why is Why.OUTSIDE:
        domains = format_list(portal().settings.inside_domains, style="or", locale=LOCALES[language()])
        return (
            _("%(address)s is not a state address.") % address,
            _("Messages from here go only to addresses that end in %(domains)s. Remove it to send.")
            % {"domains": domains},
        )
    if refused.why is Why.OURS:
        return (
            _("%(address)s is a mailbox of this service.") % address,
            _("Nobody reads mail there. Remove it to send."),
        )
    return (
        _("%(address)s is not an address that we can read.") % address,
        _("An address looks like name@ct.gov. Correct or remove it to send."),
    )
