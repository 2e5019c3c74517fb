"""Whether an upgrade stops work: `python -m tests.benchmarks.bench_upgrade [--small]`.

Builds 10 million samples and 1 million responses (a hundredth of that with --small), takes the schema back as far as
the work below has all its tables, as if later ones had never been, and upgrades it while four users write, two readers
read pages, and one transaction stands idle for six seconds. Prints how long each kind of work waited, and what failed.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread
from time import perf_counter, sleep

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from helios_core.database import migrating
from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.database.session import Database, Principal
from helios_core.models import (
    AgentConfiguration,
    AuditEvent,
    ConversationMessage,
    GPUSample,
    MultiAgentConversation,
    TaskDelegation,
)
from helios_core.views.conversation_lists import ConversationFilter, list_conversations
from helios_core.views.delegations import DelegationFilter, board
from tests.benchmarks.bench_queries import populated
from tests.benchmarks.population import LARGE, SMALL, USERS

IDLE_SECONDS = 6.0
SETTLE_SECONDS = 3.0
EARLIEST = "governance"
"""The revision that made the last of the tables that the work needs."""


@dataclass
class Work:
    """What one user does over and over, how long each time took (ms), and what went wrong."""

    kind: str
    principal: Principal
    once: Callable[[Session], object]
    took_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def go_on(self, database: Database, stop: Event) -> None:
        """Do it until told to stop."""
        while not stop.is_set():
            began = perf_counter()
            try:
                with database.session(self.principal) as session:
                    self.once(session)
                    session.commit()
            except SQLAlchemyError as error:
                self.errors.append(str(error).splitlines()[0])
            self.took_ms.append(1000 * (perf_counter() - began))


def write_conversation(session: Session) -> None:
    """Begin a conversation: a task, three messages, and the audit of a change."""
    conversation = MultiAgentConversation(title="Under way")
    session.add(conversation)
    session.flush()
    session.add(
        TaskDelegation(
            conversation_id=conversation.id,
            pm_agent_id="project_manager",
            target_agent_id="data_analyst",
            task_description="Count",
        )
    )
    for position in range(3):
        session.add(
            ConversationMessage(
                conversation_id=conversation.id, position=position, speaker="a", kind="note", content="Well."
            )
        )
    session.execute(insert(AuditEvent).values(user_id=me(), action="changed", subject="x", subject_id="1"))


def me() -> object:
    """The bound user, as the database knows them."""
    return func.nullif(func.current_setting("helios.user_id", True), "").cast(AuditEvent.user_id.type)


def write_samples(session: Session) -> None:
    """Add a reading of each of eight cards."""
    now = session.scalar(select(func.clock_timestamp()))
    session.execute(insert(GPUSample), [{"gpu_id": card, "sampled_at": now, "power_watts": 1.0} for card in range(8)])


def edit_configuration(session: Session) -> None:
    """Change a configuration of one's own, by columns that it has before and after."""
    own = select(func.min(AgentConfiguration.id)).where(AgentConfiguration.user_id == 2).scalar_subquery()
    change = update(AgentConfiguration).where(AgentConfiguration.id == own)
    session.execute(change.values(priority=1 + AgentConfiguration.priority % 10))


def works() -> list[Work]:
    """Four who write, and two who read."""
    operator = Principal(USERS + 1, "admin")
    return [
        Work("begin a conversation", Principal(1, "user"), write_conversation),
        Work("begin a conversation", Principal(3, "user"), write_conversation),
        Work("edit a configuration", Principal(2, "user"), edit_configuration),
        Work("write samples", operator, write_samples),
        Work(
            "read conversations",
            Principal(1, "user"),
            lambda session: list_conversations(session, ConversationFilter()),
        ),
        Work("read the board", operator, lambda session: board(session, DelegationFilter())),
    ]


def measure(urls: ServerUrls) -> tuple[list[Work], float]:
    """Everybody's work while the schema is upgraded, and the seconds that the upgrade took."""
    migrating.downgrade(urls.owner, EARLIEST)
    owner = connect(urls.owner)
    with owner.begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS helios_archive CASCADE"))
    owner.dispose()
    database, stop, everybody = Database(connect(urls.application)), Event(), works()
    threads = [Thread(target=work.go_on, args=(database, stop)) for work in everybody]
    threads.append(Thread(target=stand_idle, args=(database,)))
    for thread in threads:
        thread.start()
    sleep(SETTLE_SECONDS)
    began = perf_counter()
    migrating.upgrade(urls.owner, "helios_app")
    seconds = perf_counter() - began
    sleep(SETTLE_SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    database.close()
    return everybody, seconds


def stand_idle(database: Database) -> None:
    """Hold what a reader and writer of conversations holds, and do nothing."""
    with database.session(Principal(4, "user")) as session:
        session.execute(text("SELECT count(*) FROM agent_configurations"))
        write_conversation(session)
        sleep(SETTLE_SECONDS + IDLE_SECONDS)


def report(everybody: Sequence[Work], seconds: float) -> None:
    """Print the table."""
    print(f"from {EARLIEST} to the head in {seconds:.1f} s\n")
    print("| work | times | median ms | p99 ms | longest ms | errors |\n|---|---|---|---|---|---|")
    for work in everybody:
        took = sorted(work.took_ms)
        times = f"{took[len(took) // 2]:.1f} | {took[len(took) * 99 // 100]:.1f} | {took[-1]:.0f}"
        print(f"| {work.kind} | {len(took)} | {times} | {len(work.errors)} |")
    for error in {error for work in everybody for error in work.errors}:
        print(f"- {error}")


def main(arguments: Sequence[str]) -> None:
    """Build, upgrade under work, print."""
    with populated(SMALL if "--small" in arguments else LARGE) as urls:
        report(*measure(urls))


if __name__ == "__main__":
    main(sys.argv[1:])
