"""Who asked whom: only what was recorded, counted."""

from collections import Counter

from dashboard import formats
from dashboard.components.face import PERSON, Face
from dashboard.components.packaged import component
from helios_core.views.conversations import Conversation

ASKING = {"question", "plan", "directive", "review"}
"""Kinds of messages that want something of their addressee."""
Pair = tuple[str, str]


def delegation_graph(conversation: Conversation, faces: dict[str, Face]) -> None:
    """Draw the agents, and an arrow for each pair of which one asked the other."""
    asked = requests(conversation)
    depths = _depths(conversation.pm_agent_id, [agent for agent in faces if agent != PERSON], asked)
    data = {
        "nodes": [{**face, "depth": depths[agent_id]} for agent_id, face in faces.items() if agent_id != PERSON],
        "edges": [
            {
                "from": faces[one]["id"],
                "to": faces[other]["id"],
                "count": count,
                "tip": f"{faces[one]['name']} asked {faces[other]['name']} {formats.plural(count, 'time')}",
            }
            for (one, other), count in asked.items()
        ],
        "note": "Recorded requests only; nothing is inferred." if asked else "No request from agent to agent recorded.",
    }
    component("delegation_graph")(key="delegation_graph", data=data)


def requests(conversation: Conversation) -> Counter[Pair]:
    """How often each agent asked each other one: by delegations, and by messages between pairs without any."""
    asked: Counter[Pair] = Counter((task.pm_agent_id, task.target_agent_id) for task in conversation.delegations)
    said: Counter[Pair] = Counter(
        (mark.speaker, mark.addressee)
        for mark in conversation.marks
        if mark.addressee is not None and mark.kind in ASKING and PERSON not in {mark.speaker, mark.addressee}
    )
    return asked + Counter({pair: count for pair, count in said.items() if pair not in asked})


def _depths(pm_agent_id: str | None, agents: list[str], asked: Counter[Pair]) -> dict[str, int]:
    """How many requests each agent is away from the one who began; whom nobody asked stands with those first asked."""
    askers = [one for one, _ in asked]
    start = pm_agent_id if pm_agent_id in agents else next(iter(askers), None)
    depths = {} if start is None else {start: 0}
    frontier = list(depths)
    while frontier:
        following = [other for one, other in asked if one in frontier and other not in depths]
        depths |= dict.fromkeys(following, depths[frontier[0]] + 1)
        frontier = list(dict.fromkeys(following))
    return {agent: depths.get(agent, 1 if depths else 0) for agent in agents}
