"""Alembic's environment, one for all services: the caller hands over a connection and the service's metadata."""

from alembic import context

from servicekit.migrate import is_ours

config = context.config

context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes["metadata"],
    include_object=is_ours,
    compare_type=True,
    compare_server_default=False,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
