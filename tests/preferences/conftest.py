"""The portal with a signed-in reader, as for the mailbox."""

from tests.portal_mailbox.conftest import app, bob, carol, database_url, portal_settings, site

__all__ = ["app", "bob", "carol", "database_url", "portal_settings", "site"]
