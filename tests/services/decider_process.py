"""A process that places whom it is told to, a line an agent: `python -m ... URL`; it answers in lines of JSON."""

import json
import sys

from pydantic import SecretStr
from sqlalchemy import select

from helios_core.database.engine import connect
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.models import User
from helios_core.services import placement
from helios_core.services.workspace import Workspace


def main(url: str) -> None:
    """Answer until nobody asks any more."""
    database = Database(connect(SecretStr(url)))
    with database.session(SYSTEM) as session:
        principal = Principal(session.scalar(select(User.id).order_by(User.id)), "admin")
    workspace = Workspace(database, principal)
    for line in sys.stdin:
        agent_id = line.strip()
        decided = workspace.act(lambda session: placement.place(session, agent_id))  # noqa: B023 (called at once)
        answer = {"outcome": decided.outcome, "cards": decided.gpu_ids, "refusal": decided.explanation.refusal}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
