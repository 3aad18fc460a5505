"""A small Microsoft 365 on localhost: Entra tokens, Graph mail, Exchange transport, Outlook, the internet's mailboxes.

Never shipped; imports nothing of the product, and the product nothing of it.
"""
