"""Who is champion, what triggers found, and what arrives, and is said of it, while a model is at work."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

APPENDED_TO = ("promotions", "triggers", "arrivals", "evidence")


def upgrade() -> None:
    op.create_table(
        "promotions",
        sa.Column("entry", sa.Integer(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("former", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "triggers",
        sa.Column("entry", sa.Integer(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("fired", sa.Boolean(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "arrivals",
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("sample_id", sa.String(), nullable=False, unique=True),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False, unique=True),
        sa.Column("perceptual_hash", sa.String(), nullable=False, index=True),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("cost", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "evidence",
        sa.Column("entry", sa.Integer(), primary_key=True),
        sa.Column("sample_id", sa.String(), nullable=False, index=True),
        sa.Column("label", sa.Integer(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in APPENDED_TO:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'the table {table} is append-only: add a new row'); END"
                )


def downgrade() -> None:
    for table in APPENDED_TO:
        op.drop_table(table)
