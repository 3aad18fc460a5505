"""Tables, queries and migrations: the only door to the database.

Queries are functions by table, session first. They never commit: who opened the transaction commits it.
"""
