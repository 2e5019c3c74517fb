"""The head of an agent's page: its face, and what it is doing."""

from datetime import UTC, datetime

from dashboard import formats
from dashboard.components.agent_cards import doing, place
from dashboard.components.face import face
from dashboard.components.packaged import component
from dashboard.render import clean, short
from dashboard.theme import sign
from helios_core.views.agents import Agent


def agent_head(agent: Agent) -> None:
    """Show the face, the status, the work, the model and the card, in one line."""
    component("agent_head")(key="agent_head", data={"agent": _line(agent)})


def _line(agent: Agent) -> dict[str, object]:
    since = agent.task.since if agent.task and not agent.task.is_waiting else None
    model = agent.model_name or "no model configured"
    parts = [doing(agent), f"{clean(model)} on {place(agent)}" if agent.gpu_id is not None else clean(model)]
    if since is not None:
        parts.append(formats.duration((datetime.now(UTC) - since).total_seconds()))
    return {
        **face(agent.agent_id, agent.name),
        "sign": sign(agent.status).data,
        "line": " · ".join(short(part, 120) for part in parts),
        "role": short(agent.description, 200),
    }
