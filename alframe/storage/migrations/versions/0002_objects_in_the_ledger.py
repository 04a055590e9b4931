"""Objects, as JSON, where a label is not a class."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("objects", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("ledger", "objects")
