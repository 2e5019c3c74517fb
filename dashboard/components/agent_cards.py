"""The roster: a card for each agent, with what it is doing, its model and its GPU."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dashboard import formats
from dashboard.components.face import face
from dashboard.components.opening import linked, target
from dashboard.render import short
from dashboard.theme import sign
from helios_core.services.explanations import in_words
from helios_core.views.agents import Agent


def agent_cards(agents: Sequence[Agent]) -> None:
    """Show `agents`; a card opens the agent's own page."""
    linked("agent_cards", "agents", [_card(agent) for agent in agents])


def doing(agent: Agent) -> str:
    """What the agent does now, in a few words; some of them may be foreign."""
    if agent.task is not None and not agent.task.is_waiting:
        return agent.task.description
    if agent.status_note:
        return agent.status_note
    if agent.task is not None:
        return f"waits: {agent.task.description}"
    if agent.status_since is None:
        return "ready" if agent.is_enabled else "not enabled"
    return f"since {formats.age(agent.status_since, datetime.now(UTC)).removesuffix(' ago')}"


def place(agent: Agent) -> str:
    """Where the agent's model runs."""
    return in_words([] if agent.gpu_id is None else [agent.gpu_id, *agent.further_gpu_ids], "no GPU")


def _card(agent: Agent) -> dict[str, object]:
    return {
        "key": agent.agent_id,
        **face(agent.agent_id, agent.name),
        "task": short(doing(agent), 120),
        "sign": _sign(agent),
        "chips": [short(agent.model_name, 40), place(agent), *(["your own"] if agent.is_own else [])],
        "target": target("agents", agent=agent.agent_id),
    }


def _sign(agent: Agent) -> dict[str, str]:
    found = sign(agent.status)
    return {"icon": found.icon, "word": found.word, "tone": found.tone}
