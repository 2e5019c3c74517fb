"""The queue engine: DBOS, one workflow a conversation.

It sees to it that a conversation which somebody took up is carried by exactly one worker at a time, also after that
worker has died. How far a conversation is, it does not know: that is in Helios's own rows. Its tables, in a schema of
their own, hold ids and no text.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import Engine, make_url, text

from helios_core.database.engine import connect
from helios_core.services.runs import WaitingRun
from helios_core.services.workers import LEASE_SECONDS

SCHEMA = "helios_dbos"
APPLICATION = "helios"
VERSION = "1"
"""Of what a workflow is called with. Workers of one version carry each other's conversations on."""
MIGRATION = 125
"""The newest migration of the engine's tables, so that to see that nothing is to do takes no import of it."""

RIGHTS = {"TABLES": "SELECT, INSERT, UPDATE, DELETE", "SEQUENCES": "USAGE, SELECT", "FUNCTIONS": "EXECUTE"}
"""What workers need of the engine's tables; to change them is their owner's."""

Carry = Callable[[int], Awaitable[None]]


def migrate(owner_url: SecretStr, application_role: str) -> None:
    """Make the engine's tables as their owner, or bring them up to date, and let the workers' role use them."""
    engine = connect(owner_url)
    try:
        if _migration(engine) != MIGRATION:
            _migrate(owner_url)
        _grant(engine, application_role)
    finally:
        engine.dispose()


def _migrate(owner_url: SecretStr) -> None:
    from dbos import DBOS  # noqa: PLC0415 - it takes a second, and only workers need it

    DBOS.migrate(_plain(owner_url), schema=SCHEMA)


def _grant(engine: Engine, role: str) -> None:
    quoted = engine.dialect.identifier_preparer.quote(role)
    with engine.begin() as connection:
        connection.execute(text(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {quoted}"))
        for things, rights in RIGHTS.items():
            connection.execute(text(f"GRANT {rights} ON ALL {things} IN SCHEMA {SCHEMA} TO {quoted}"))


def _migration(engine: Engine) -> int | None:
    """The newest migration that the engine's tables have; None where there are none."""
    with engine.connect() as connection:
        if connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{SCHEMA}.dbos_migrations"}) is None:
            return None
        version: int | None = connection.scalar(text(f"SELECT max(version) FROM {SCHEMA}.dbos_migrations"))  # noqa: S608 (our schema)
        return version


class QueueEngine:
    """DBOS in this process, for one worker. Start it inside the event loop that its workflows shall run in."""

    def __init__(self, url: SecretStr, worker_id: UUID, carry: Carry) -> None:
        from dbos import DBOS  # noqa: PLC0415 - it takes a second, and only workers need it

        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": _plain(url),
                "dbos_system_schema": SCHEMA,
                "run_migrations": False,
                "application_version": VERSION,
                "executor_id": str(worker_id),
                "log_level": "ERROR",
                "sys_db_idle_transaction_timeout_sec": LEASE_SECONDS / 2,
            }
        )

        @DBOS.workflow(name="conversation", max_recovery_attempts=None)
        async def conversation(conversation_id: int) -> None:
            await carry(conversation_id)

        self._dbos = DBOS
        self._workflow = conversation

    def launch(self) -> None:
        """Begin to look for conversations to carry on."""
        self._dbos.launch()

    async def dispatch(self, run: WaitingRun) -> None:
        """Carry a conversation here, or, where another worker had it, wherever the engine sees fit."""
        from dbos import SetWorkflowID  # noqa: PLC0415 - it takes a second, and only workers need it

        workflow_id = f"conversation-{run.conversation_id}"
        if run.epoch > 0:
            known = await self._dbos.get_workflow_status_async(workflow_id)
            if known is not None and known.status not in {"SUCCESS", "ERROR"}:
                await self._dbos.resume_workflow_async(workflow_id)
                return
            workflow_id = f"{workflow_id}-{run.epoch}"
        with SetWorkflowID(workflow_id):
            await self._dbos.start_workflow_async(self._workflow, run.conversation_id)

    def stop(self) -> None:
        """Let go of everything."""
        self._dbos.destroy(workflow_completion_timeout_sec=0, destroy_registry=True)


def _plain(url: SecretStr) -> str:
    return make_url(url.get_secret_value()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
