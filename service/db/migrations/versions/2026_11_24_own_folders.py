"""Folders of the readers' own."""

import sqlalchemy as sa
from alembic import op


revision: str = "2026_11_24_own_folders"
down_revision: str = "2026_11_24_reader_marks"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "folders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("name_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["recipients.id"], name=op.f("fk_folders_recipient_id_recipients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folders")),
        sa.UniqueConstraint("recipient_id", "name_index", name=op.f("uq_folders_recipient_id_name_index")),
    )
    # no foreign key: SQLite would write the whole table anew for it
    op.add_column("deliveries", sa.Column("own_folder_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("deliveries", "own_folder_id")
    op.drop_table("folders")
