"""Exchange: mailboxes, and the transport between them and the internet."""
