"""Runs the revisions on the connection that helios_core.database.migrating hands over."""

from alembic import context

from helios_core.database.migrating import is_ours
from helios_core.database.versions import VERSION_TABLE
from helios_core.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    include_name=is_ours,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=True,
)

with context.begin_transaction():
    context.run_migrations()
