"""How accounts live: preferences, ageing, passkeys and second factors, rows bound to their owner; states of replies."""

import sqlalchemy as sa
from alembic import op


revision: str = "2026_11_24_account_life"
down_revision: str = "2026_11_24_own_folders"
branch_labels: None = None
depends_on: None = None

INSTANT = sa.DateTime(timezone=True)
DIGEST = sa.LargeBinary(length=32)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ACCOUNTS = (
    ("preferences", sa.String(length=2048)),
    ("signature", sa.LargeBinary()),
    ("warned_at", INSTANT),
    ("disabled_at", INSTANT),
    ("authenticator", sa.LargeBinary()),
    ("authenticator_step", BIG),
)
BOX = ("recipient_id", "folder", "received_at", "id")
BOX_MORE = ("own_folder_id", "expires_at", "revoked_at", "read_at", "marked_read")
DEVICES = (("browser", sa.String(length=16)), ("system", sa.String(length=16)))


def upgrade() -> None:
    # rows that are not bound to their owner let nobody in any more
    for table in ("sessions", "devices", "codes", "resets"):
        op.execute(sa.delete(sa.table(table)))
        op.add_column(table, sa.Column("bound", DIGEST, nullable=True))
    op.add_column("recipients", sa.Column("bound", DIGEST, nullable=True))
    op.add_column("messages", sa.Column("thread_index", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_messages_thread_index"), "messages", ["thread_index"])
    op.add_column("sessions", sa.Column("proven_at", INSTANT, nullable=True))
    for name, kind in DEVICES:
        op.add_column("devices", sa.Column(name, kind, nullable=True))
    for name, kind in ACCOUNTS:
        op.add_column("accounts", sa.Column(name, kind, nullable=True))
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", BIG, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("bound", DIGEST, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_passkeys_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index(op.f("ix_passkeys_account_id"), "passkeys", ["account_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code", DIGEST, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_recovery_codes_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_account_id"), "recovery_codes", ["account_id"])
    op.create_table(
        "challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("bound", DIGEST, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_challenges_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenges")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_challenges_token_hash")),
    )
    op.create_index(op.f("ix_challenges_account_id"), "challenges", ["account_id"])
    op.create_table(
        "handovers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("address_index", DIGEST, nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_handovers_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
        sa.UniqueConstraint("message_id", "address_index", name=op.f("uq_handovers_message_id_address_index")),
    )
    op.create_index("ix_handovers_state", "handovers", ["state", "changed_at"])
    op.create_index("ix_messages_bcc", "messages", ["bcc", "bcc_deadline"])
    op.add_column("deliveries", sa.Column("forwarded_at", INSTANT, nullable=True))
    # counting a folder reads the index alone: the rows of one reader lie far apart
    op.drop_index("ix_deliveries_box", "deliveries")
    op.create_index("ix_deliveries_box", "deliveries", [*BOX, *BOX_MORE])


def downgrade() -> None:
    op.drop_index("ix_messages_bcc", "messages")
    op.drop_index("ix_deliveries_box", "deliveries")
    op.create_index("ix_deliveries_box", "deliveries", [*BOX])
    op.drop_column("deliveries", "forwarded_at")
    for table in ("handovers", "challenges", "recovery_codes", "passkeys"):
        op.drop_table(table)
    for name, _ in ACCOUNTS:
        op.drop_column("accounts", name)
    for name, _ in DEVICES:
        op.drop_column("devices", name)
    op.drop_column("sessions", "proven_at")
    op.drop_index(op.f("ix_messages_thread_index"), "messages")
    op.drop_column("messages", "thread_index")
    for table in ("recipients", "sessions", "devices", "codes", "resets"):
        op.drop_column(table, "bound")
