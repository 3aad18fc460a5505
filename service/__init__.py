"""The secure-mail service: what happens between Exchange and the recipient's browser.

    intake ──> vault + blobs + db ──> letters (outbox) ──> portal: accounts, mailbox ──> reply (outbox)
    mail in     sealed, on disk       notice, receipts     read, file, answer            back through graph_sync

Roles meet only in the database and the blob store; see docs/architecture.md.
"""
