"""`python -m tests.migration.killed URL up|down STRIDE`: migrate step by step, and die in each; without more than the
URL, migrate as `helios db upgrade` does.

Every step is tried by one process after another: the first is killed after STRIDE statements, the next, which begins
with what that one left behind, after twice as many, and so on, until one gets through. Prints how many were killed.
"""

import os
import signal
import sys
from collections.abc import Callable

from pydantic import SecretStr
from sqlalchemy import Engine, event

from helios_core.database import migrating
from helios_core.database.migrating import revisions


def die_after(statements: int) -> None:
    """Let this process be killed as soon as it has executed so many statements."""
    done = 0

    @event.listens_for(Engine, "after_cursor_execute")
    def count(*_: object) -> None:
        nonlocal done
        done += 1
        if done == statements:
            os.kill(os.getpid(), signal.SIGKILL)


def is_killed(step: Callable[[], None], after: int) -> bool:
    """Whether a process of its own that takes `step` dies before it is done."""
    child = os.fork()
    if child == 0:
        die_after(after)
        step()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def steps(url: SecretStr, direction: str) -> list[Callable[[], None]]:
    """One step for each revision, in the order of `direction`."""
    names = [step.revision for step in revisions().walk_revisions()]
    if direction == "up":
        return [lambda name=name: migrating.upgrade(url, "helios_app", name) for name in reversed(names)]  # type: ignore[misc]
    return [lambda name=name: migrating.downgrade(url, name) for name in [*names[1:], "base"]]  # type: ignore[misc]


def main(url: str, direction: str, stride: int) -> int:
    """Take every step, and return how many processes died."""
    deaths = 0
    for step in steps(SecretStr(url), direction):
        after = stride
        while is_killed(step, after):
            deaths += 1
            after += stride
    return deaths


if __name__ == "__main__":
    if len(sys.argv) == 2:
        migrating.upgrade(SecretStr(sys.argv[1]), "helios_app")
    else:
        sys.stdout.write(str(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
