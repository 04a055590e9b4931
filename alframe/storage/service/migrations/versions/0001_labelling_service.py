"""Projects, tasks, people, their answers, and what holds."""

from alembic import op

from alframe.storage.service.tables import ServiceBase

revision = "0001"
down_revision = None

APPENDED_TO = ("submissions", "settlements", "feedback", "views", "audit")


def upgrade() -> None:
    ServiceBase.metadata.create_all(op.get_bind())
    if op.get_bind().dialect.name == "sqlite":
        for table in APPENDED_TO:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'the table {table} is append-only: add a new row'); END"
                )
    else:
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'the table % is append-only: add a new row', TG_TABLE_NAME; END $$"
        )
        for table in APPENDED_TO:
            op.execute(
                f"CREATE TRIGGER {table}_refuses_changes BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )


def downgrade() -> None:
    ServiceBase.metadata.drop_all(op.get_bind())
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_change()")
