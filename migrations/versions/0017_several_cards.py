"""Several cards: agents that are on more than one, newcomers in plans, and what hosts have besides cards.

Revision ID: several_cards
Revises: lookups
"""

from alembic import op

from helios_core.database.revisions import ARCHIVE, execute, exists, forget_archive

revision = "several_cards"
down_revision = "lookups"
branch_labels = None
depends_on = None

CARDS = "integer[] DEFAULT '{}'::integer[] NOT NULL"
COLUMNS: dict[str, dict[str, str]] = {
    "agent_configurations": {"further_gpu_ids": CARDS},
    "placement_moves": {"from_further_gpu_ids": CARDS, "to_further_gpu_ids": CARDS, "newcomer": "jsonb"},
    "placement_decisions": {"from_further_gpu_ids": CARDS, "to_further_gpu_ids": CARDS},
    "collectors": {"host_cpu_cores": "integer", "host_memory_mb": "integer"},
}
KEYS = {"collectors": "host"}
CHECKS = """
ALTER TABLE agent_configurations ADD CONSTRAINT ck_agent_configurations_further_gpu_ids CHECK (
    array_position(further_gpu_ids, NULL) IS NULL AND (gpu_assignment <> ALL (further_gpu_ids)) IS NOT FALSE)

ALTER TABLE collectors
    ADD CONSTRAINT ck_collectors_host_cpu_cores CHECK (host_cpu_cores > 0),
    ADD CONSTRAINT ck_collectors_host_memory_mb CHECK (host_memory_mb > 0)
"""


def upgrade() -> None:
    """Add the columns, and bring back what they held."""
    for table, columns in COLUMNS.items():
        added = ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in columns.items())
        op.execute(f"ALTER TABLE {table} {added}")
        _bring_back(table, list(columns))
    execute(CHECKS)
    forget_archive()


def downgrade() -> None:
    """Keep what the columns hold, and drop them."""
    op.execute(f"CREATE SCHEMA IF NOT EXISTS {ARCHIVE}")
    for table, columns in COLUMNS.items():
        key, names = KEYS.get(table, "id"), ", ".join(columns)
        held = " OR ".join(
            f"{name} <> '{{}}'::integer[]" if kind == CARDS else f"{name} IS NOT NULL" for name, kind in columns.items()
        )
        op.execute(f"CREATE TABLE {_kept(table)} AS SELECT {key}, {names} FROM {table} WHERE {held}")  # noqa: S608
        op.execute(f"ALTER TABLE {table} {', '.join(f'DROP COLUMN {name}' for name in columns)}")


def _kept(table: str) -> str:
    return f"{ARCHIVE}.several_cards_of_{table}"


def _bring_back(table: str, columns: list[str]) -> None:
    if not exists(_kept(table)):
        return
    key, values = KEYS.get(table, "id"), ", ".join(f"{name} = kept.{name}" for name in columns)
    op.execute(f"UPDATE {table} SET {values} FROM {_kept(table)} kept WHERE kept.{key} = {table}.{key}")  # noqa: S608
    op.execute(f"DROP TABLE {_kept(table)}")
