"""Workers by the dozen: a process that has imported everything once and forks a worker for each line it reads.

A line is JSON: the database's URL, the seconds of a beat and of a lease, how many runs to take up, what is broken, and
where to die: `{"step": "plan", "when": "inside", "nth": 1}`, at the nth transaction of that name, before, inside or
after it. The answer is the worker's process id; "wait PID" answers with how it ended, "look PID" with that or "alive".
"""

import asyncio
import gc
import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy.orm import Session, configure_mappers

from helios_core.database.engine import connect
from helios_core.database.session import Database, Principal
from helios_core.providers.connection import trusted
from helios_core.runtime import worker
from helios_core.runtime.engine import QueueEngine
from helios_core.runtime.ledger import Ledger, UseCase
from helios_core.services import workers
from helios_core.settings import Settings
from tests.chaos.mutations import FAULTS
from tests.chaos.witness import named

IMPORTED_LATE = (
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "dbos._sys_db_postgres",
    "h11",
    "helios_core.providers.ollama",
    "httpcore2",
    "sqlalchemy.dialects.sqlite",
    "stringprep",
)
"""What a worker imports when it first needs it; it takes most of the time of a worker that dies soon."""


def die() -> None:
    """As kill -9 would have it."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingLedger(Ledger):
    """A ledger whose process dies at the nth transaction of a step."""

    step, when, nth = "", "", 1
    _count = 0

    def _commit(self, step: str, use_case: UseCase[Any], principal: Principal) -> Any:  # noqa: ANN401
        if step != self.step:
            return super()._commit(step, use_case, principal)
        DyingLedger._count += 1
        if DyingLedger._count != self.nth:
            return super()._commit(step, use_case, principal)
        if self.when == "before":
            die()

        def halfway(session: Session) -> object:
            result = use_case(session)
            session.flush()
            if self.when == "inside":
                die()
            return result

        result = super()._commit(step, halfway, principal)
        die()
        return result


class DyingEngine(QueueEngine):
    """An engine whose process dies around handing a run to DBOS."""

    when = ""

    async def dispatch(self, run: Any) -> None:  # noqa: ANN401
        if self.when == "before":
            die()
        await super().dispatch(run)
        if self.when == "after":
            die()


def be_worker(order: dict[str, Any]) -> None:
    """Work as ordered, until asked to stop or dead."""
    for module in (worker, workers):
        vars(module).update(BEAT_SECONDS=order["beat"], LEASE_SECONDS=order["lease"], TIDY_SECONDS=order["beat"])
    crash = order.get("crash")
    if crash and crash["step"] == "dispatch":
        DyingEngine.when = crash["when"]
        vars(worker).update(QueueEngine=DyingEngine)
    elif crash:
        DyingLedger.step, DyingLedger.when, DyingLedger.nth = crash["step"], crash["when"], crash["nth"]
        vars(worker).update(Ledger=DyingLedger)
    for fault in order["faults"]:
        FAULTS[fault]()
    url = SecretStr(named(order["url"], os.getpid()))
    settings = Settings.model_construct(database_url=url, data_dir=Path())
    database = Database(connect(url, pre_ping=False))
    member = worker.Worker(settings, database, worker.models_of(settings), capacity=order["capacity"])
    asyncio.run(member.run(lambda _: None))
    database.close()


def main() -> None:
    """Fork a worker for each order, with everything there that takes it time."""
    for name in IMPORTED_LATE:
        importlib.import_module(name)
    configure_mappers()
    trusted()
    gc.freeze()
    for line in sys.stdin:
        if line.startswith(("wait ", "look ")):
            what, asked = line.split()
            found, status = os.waitpid(int(asked), 0 if what == "wait" else os.WNOHANG)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status) if found else 'alive'}\n")
            sys.stdout.flush()
            continue
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            try:
                be_worker(json.loads(line))
            except BaseException:  # noqa: BLE001 - this process ends here, whatever it is
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
