"""What an installation holds before anybody did anything: its operator, the default team, sample conversations."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from helios_core.ingest.samples import load_samples
from helios_core.services import audit
from helios_core.services.team import ensure_default_team, place_default_team
from helios_core.services.users import ensure_local_operator
from helios_core.services.workspace import Workspace
from helios_core.views.audit import AuditFilter, list_changes
from helios_core.views.settings import Health, health

SAMPLES = "samples"


def seed(system: Workspace) -> None:
    """Add the operator, and what is missing of the team."""
    _operators(system).act(ensure_default_team)


def settle(system: Workspace) -> Health | None:
    """What needs the cards: place the default team on them, and load the samples. None while no card is known."""
    state = system.read(health)
    if state.gpu_count == 0:
        return None
    system.act(place_default_team)
    _operators(system).act(load_samples_once)
    return state


def load_samples_once(session: Session) -> None:
    """Load the samples unless they ever were: removed ones stay removed."""
    if list_changes(session, AuditFilter(subject=SAMPLES), limit=1).rows:
        return
    loaded = load_samples(session, datetime.now(UTC))
    titles = [sample.title for sample in loaded]
    audit.record(session, "load", SAMPLES, "all", before=None, after={"titles": titles}, reason="first start")


def _operators(system: Workspace) -> Workspace:
    return system.on_behalf_of(system.act(ensure_local_operator))
