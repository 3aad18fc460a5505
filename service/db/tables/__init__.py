"""All tables, one module per family; importing this package registers every one with the metadata."""

from service.db.tables.accounts import Account, Code, Device, Reset, Session
from service.db.tables.columns import Model
from service.db.tables.mail import Arrival, Blob, Delivery, Message, OwnFolder, Recipient
from service.db.tables.work import AuditEntry, Cursor, Lease, Outbox, Rate, Subscription

__all__ = [
    "Account",
    "Arrival",
    "AuditEntry",
    "Blob",
    "Code",
    "Cursor",
    "Delivery",
    "Device",
    "Lease",
    "Message",
    "Model",
    "Outbox",
    "OwnFolder",
    "Rate",
    "Recipient",
    "Reset",
    "Session",
    "Subscription",
]
