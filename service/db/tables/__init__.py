"""All tables, one module per family; importing this package registers every one with the metadata."""

from service.db.tables.accounts import Account, Challenge, Code, Device, Passkey, RecoveryCode, Reset, Session
from service.db.tables.columns import Model
from service.db.tables.mail import Arrival, Blob, Delivery, Handover, Message, OwnFolder, Recipient
from service.db.tables.work import AuditEntry, Cursor, Lease, Outbox, Rate, Subscription

__all__ = [
    "Account",
    "Arrival",
    "AuditEntry",
    "Blob",
    "Challenge",
    "Code",
    "Cursor",
    "Delivery",
    "Device",
    "Handover",
    "Lease",
    "Message",
    "Model",
    "Outbox",
    "OwnFolder",
    "Passkey",
    "Rate",
    "Recipient",
    "RecoveryCode",
    "Reset",
    "Session",
    "Subscription",
]
