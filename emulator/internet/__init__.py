"""The outside mailboxes: what strangers received, exactly, and what they write back."""

from emulator.internet.pages import blueprint

__all__ = ["blueprint"]
