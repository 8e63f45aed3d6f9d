"""What Alembic runs around a service's revisions: the caller's connection, in the caller's transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,  # SQLite has it too, where the driver does not commit behind our back
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
