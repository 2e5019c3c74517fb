"""How agents are configured, from memory: asked again and again, and read from the database when somebody has saved."""

from functools import cache

from dashboard.workspace import workspace
from helios_core.services.caches import CachedView, kept_current
from helios_core.views.configurations import HeldConfiguration, held_configuration


def held_version(agent_id: str) -> int:
    """The version of the agent's configuration that holds for the viewer, at most a second old."""
    return _configurations().read(workspace().principal, agent_id).version


@cache
def _configurations() -> CachedView[[str], HeldConfiguration]:
    return kept_current(workspace(), held_configuration, {"agent_configurations"})
