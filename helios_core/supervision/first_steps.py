"""What an installation holds before anybody did anything: its operator, the default team, sample conversations."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from helios_core.database.session import Principal
from helios_core.ingest.samples import load_samples
from helios_core.services.team import TEAM, ensure_default_team, place_default_team
from helios_core.services.users import ensure_local_operator
from helios_core.services.workspace import Workspace
from helios_core.views.settings import Health, health


def seed(system: Workspace) -> Workspace:
    """Add the operator and what is missing of the team, and return the operator's workspace.

    The first time, and only then, samples too: in one transaction with the team, so that removed ones stay removed.
    """
    operator: Principal = system.act(ensure_local_operator)
    workspace = system.on_behalf_of(operator)
    workspace.act(_add_team_and_samples)
    return workspace


def place_team(system: Workspace) -> Health | None:
    """Place the default team on the cards that the collector has seen; None while it has seen none."""
    state = system.read(health)
    if state.gpu_count == 0:
        return None
    system.act(place_default_team)
    return state


def _add_team_and_samples(session: Session) -> None:
    if set(ensure_default_team(session)) == set(TEAM):
        load_samples(session, datetime.now(UTC))
