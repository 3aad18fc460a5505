"""Mail read and written: bytes in, an index or bytes out; no input or output of its own, no recursion.

HeaderFilter ──> sealed blob "source"
     └────────> MailIndexer: Scanner ──> decoders ──> parts, roles, names
Outgoing ─────> writer
"""
