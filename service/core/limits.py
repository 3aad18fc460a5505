"""Limits as shipped; what a state may change is a setting with these as defaults."""

from datetime import timedelta

MEBIBYTE = 1_048_576
MESSAGE_BYTES = 35 * MEBIBYTE
"""Decoded body and attachments of one message, both ways."""
DRAFTS_BYTES = 200 * MEBIBYTE
"""All drafts of one writer together."""
RETENTION = timedelta(days=30)
REPLY_RECIPIENTS = 20
EXCERPT_CHARACTERS = 200

SESSION_IDLE = timedelta(minutes=15)
SESSION_LONGEST = timedelta(hours=8)
FAILED_SIGN_INS = 10
KNOWN_DEVICE = timedelta(days=90)
"""How long a browser that signed in is remembered after its last sign-in."""

PASSWORD_AGE = timedelta(days=60)
INACTIVE = timedelta(days=90)
INACTIVE_WARNING = timedelta(days=14)
INACTIVE_GRACE = timedelta(days=30)
PROOF_LIFE = timedelta(minutes=5)
"""A password, passkey or code given this lately allows changes of how to come in."""
STEP_LIFE = timedelta(minutes=5)
REMIND_UNREAD = timedelta(days=3)
REMIND_ENDING = timedelta(days=2)

CODE_DIGITS = 6
CODE_LIFE = timedelta(minutes=10)
CODE_TRIES = 5
CODE_RESEND_AFTER = timedelta(seconds=30)
RESET_LIFE = timedelta(minutes=30)

PASSWORD_SHORTEST = 12
PASSWORD_LONGEST = 256
NAME_CHARACTERS = 60
HINT_CHARACTERS = 200

JOIN_WITHIN = timedelta(hours=24)
"""A second copy of one mail may come this late and still join the first."""
BCC_WITHIN = timedelta(minutes=10)
BCC_AGAIN = (timedelta(hours=1), timedelta(hours=23))
"""How long after its receipt a mail's trace is read once more, in case rows came late; JOIN_WITHIN ends it."""
DELTA_EVERY = timedelta(seconds=10)
"""8,640 calls a day of Outlook's 10,000 in 10 minutes: learn.microsoft.com/graph/throttling-limits"""
SENT_COPIES_KEPT = timedelta(hours=48)
INTAKE_KEPT = timedelta(days=3)
