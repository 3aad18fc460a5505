"""What a reader marked a message as stands beside when it was first read."""

import sqlalchemy as sa
from alembic import op


revision: str = "2026_11_24_reader_marks"
down_revision: str = "2026_11_24_resets"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("marked_read", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("deliveries", "marked_read")
