"""What is said about a fault."""

from service.accounts.passwords import Fault, normal
from service.core.limits import HINT_CHARACTERS, PASSWORD_LONGEST, PASSWORD_SHORTEST
from service.portal.language import gettext as _


def of_fault(fault: Fault, password: str) -> str:
    match fault:
        case Fault.SHORT:
            return _("Use at least %(least)s characters. You have %(count)s.") % {
                "least": PASSWORD_SHORTEST,
                "count": len(normal(password)),
            }
        case Fault.LONG:
            return _("Use at most %(most)s characters.") % {"most": PASSWORD_LONGEST}
        case Fault.GUESSABLE:
            return _("This password is easy to guess. Add a word or two.")
        case Fault.PERSONAL:
            return _("Your password must not contain your name or email address.")
        case Fault.LIKE_HINT:
            return _("Your password must not contain your hint.")
        case Fault.DIFFERENT:
            return _("The two passwords are not the same.")
        case Fault.SAME_AGAIN:
            return _("That is your current password. Choose a new one.")
        case Fault.HINT_LONG:
            return _("Use at most %(most)s characters.") % {"most": HINT_CHARACTERS}
        case Fault.HINT_TELLS:
            return _("Your hint must not contain your password.")
