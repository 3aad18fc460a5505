"""The Outlook page: a staff mailbox in the browser, with the real add-in in a host of our own."""

from emulator.outlook.pages import blueprint

__all__ = ["blueprint"]
