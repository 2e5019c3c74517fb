"""The queue engine: DBOS, one workflow for each time that a worker takes a conversation up.

It carries a conversation in the worker that claimed it. How far a conversation is, and who carries it on after a death,
it does not know: that is in Helios's own rows. Its tables, in a schema of their own, hold ids and no text, and what is
over goes from them within minutes.
"""

from collections.abc import Awaitable, Callable, Collection
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

TIDIED_AT_A_TIME = 1000

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
                "system_database_url": _unhurried(url),
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
        """Carry a conversation here.

        The workflow of a worker that is gone is not resumed: the engine would give it to whoever looks first, who may
        be as good as gone, or have no room.
        """
        from dbos import SetWorkflowID  # noqa: PLC0415 - it takes a second, and only workers need it

        with SetWorkflowID(f"conversation-{run.conversation_id}-{run.epoch}"):
            await self._dbos.start_workflow_async(self._workflow, run.conversation_id)

    async def tidy(self, living: Callable[[], Awaitable[Collection[UUID]]]) -> int:
        """Delete workflows that are over, or whose worker is not among the living: nobody asks for them. How many."""
        there = await self._dbos.list_workflows_async(limit=TIDIED_AT_A_TIME, load_input=False, load_output=False)
        workers = {str(worker_id) for worker_id in await living()}  # asked later: nobody works before he lives
        over = [one.workflow_id for one in there if one.status != "PENDING" or one.executor_id not in workers]
        if over:
            await self._dbos.delete_workflows_async(over)
        return len(over)

    def stop(self) -> None:
        """Let go of everything."""
        self._dbos.destroy(workflow_completion_timeout_sec=0, destroy_registry=True)


def _unhurried(url: SecretStr) -> str:
    """Where the engine's own commits wait for no disk: what a crash of the server takes of them nobody asks for."""
    plain = make_url(_plain(url))
    options = " ".join([*plain.normalized_query.get("options", ()), "-c synchronous_commit=off"])
    return plain.update_query_dict({"options": options}).render_as_string(hide_password=False)


def _plain(url: SecretStr) -> str:
    return make_url(url.get_secret_value()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
