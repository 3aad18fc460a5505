"""Mails of our own making, one oddity each; their names say which."""
