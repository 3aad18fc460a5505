"""Rules that a state sets for its recipients' accounts and replies; as shipped, those of `core.limits`."""

from dataclasses import dataclass
from datetime import timedelta

from service.core.limits import (
    FAILED_SIGN_INS,
    PASSWORD_AGE,
    REPLY_RECIPIENTS,
    RESET_LIFE,
    SESSION_IDLE,
    SESSION_LONGEST,
)


@dataclass(frozen=True, slots=True)
class Rules:
    session_idle: timedelta = SESSION_IDLE
    session_longest: timedelta = SESSION_LONGEST
    failed_sign_ins: int = FAILED_SIGN_INS
    """The failure that locks; a known browser has as many of its own."""
    reset_unlocks: bool = True
    """Whether a new password by a mailed link unlocks a locked account; else only the help desk does."""
    reset_life: timedelta = RESET_LIFE
    password_age: timedelta | None = PASSWORD_AGE
    """None: a password never ends, as NIST SP 800-63B-4 §3.1.1.2 has it."""
    reply_recipients: int = REPLY_RECIPIENTS


AS_SHIPPED = Rules()
