"""Run by alembic, inside the transaction that `service.db.upgrade` opened; there is no other way in."""  # noqa: INP001

from alembic import context

from service.db.tables import Model

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Model.metadata,
    transactional_ddl=True,  # on SQLite too: we begin transactions ourselves
    render_as_batch=True,  # SQLite alters a table by writing it anew
)
with context.begin_transaction():
    context.run_migrations()
