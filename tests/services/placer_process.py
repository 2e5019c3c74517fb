"""Processes that place and release agents as fast as they can: `python -m ... URL PLACERS ROUNDS [crash]`.

Each writes what became of each attempt, a word a line. With "crash" some die in the middle of a transaction.
"""

import os
import random
import sys

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.engine import connect
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import Refused
from helios_core.models import AgentConfiguration, User
from helios_core.services import placement
from helios_core.services.workspace import Workspace

RELEASES = 0.35
DEATHS = 0.05
"""How often an attempt is to release, and how often it dies before it is done."""


def main(url: str, placers: int, rounds: int, *, crashes: bool) -> None:
    """Let so many processes loose at once, and wait for them."""
    children = []
    for seed in range(placers):
        child = os.fork()
        if child == 0:
            place_at_random(url, seed, rounds, crashes=crashes)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def place_at_random(url: str, seed: int, rounds: int, *, crashes: bool) -> None:
    """Place and release, at random."""
    database = Database(connect(SecretStr(url)))
    with database.session(SYSTEM) as session:
        principal = Principal(session.scalar(select(User.id).order_by(User.id)), "admin")
        agents = list(session.scalars(select(AgentConfiguration.agent_id).order_by(AgentConfiguration.id)))
    chance = random.Random(seed)
    for _ in range(rounds):
        choice = chance.choice(agents), chance.choice([(), (), (0,), (1,), (0, 1)])
        wish = Attempt(*choice, is_release=chance.random() < RELEASES, dies=crashes and chance.random() < DEATHS)
        os.write(1, f"{Workspace(database, principal).act(wish)}\n".encode())


class Attempt:
    """One attempt; a use case as the workspace takes it."""

    def __init__(self, agent_id: str, gpu_ids: tuple[int, ...], *, is_release: bool, dies: bool) -> None:
        self._agent_id, self._gpu_ids = agent_id, gpu_ids
        self._is_release, self._dies = is_release, dies

    def __call__(self, session: Session) -> str:
        """What became of it."""
        try:
            found = (
                placement.release(session, self._agent_id)
                if self._is_release
                else placement.place(session, self._agent_id, self._gpu_ids)
            )
        except Refused:
            return "nothing"
        if self._dies:
            os._exit(9)
        return found.outcome


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), crashes=sys.argv[-1] == "crash")
