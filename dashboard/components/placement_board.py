"""The map agents x cards: who is where, and a click that puts an agent elsewhere in the draft."""

from collections.abc import Sequence

from dashboard import formats
from dashboard.components.face import face
from dashboard.components.packaged import component
from dashboard.components.placement_draft import PlacementDraft, Target, into_url
from dashboard.render import short
from helios_core.services.whatif import DraftMove, WhatIf
from helios_core.views.placement import PlacedAgent, PlacementMap

COLUMNS: tuple[tuple[str, Target, str], ...] = (
    ("best", "anywhere", "wherever is best"),
    ("none", None, "off all cards"),
)
"""The columns beside the cards: their heads, the target they stand for, and what a reader hears."""


def placement_board(found: PlacementMap, draft: PlacementDraft, outcome: WhatIf | None) -> None:
    """Show the board; a click changes the draft."""
    agents = placed(found)
    moves = {move.configuration_id: move for move in outcome.moves if move.configuration_id} if outcome else {}
    targets = _targets(found)
    chosen = component("placement_board")(
        key="placement_board",
        data={
            "columns": [{"key": index, "title": title} for index, (title, _, _) in enumerate(targets)],
            "agents": [_row(agent, targets, draft, moves) for agent in agents],
        },
        on_put_change=_follow_after_this_run,
    )
    if chosen.put:
        _put(int(chosen.put["agent"]), targets[int(chosen.put["column"])][1], agents, draft)


def placed(found: PlacementMap) -> list[PlacedAgent]:
    """Everybody, those that share a card together, those without one last."""
    return [agent for card in found.cards for agent in card.agents] + list(found.waiting)


def _follow_after_this_run() -> None:
    """The click is read from the component's result; Streamlit reports it only where a callback is given."""


def _put(configuration_id: int, target: Target, agents: Sequence[PlacedAgent], draft: PlacementDraft) -> None:
    present = next((agent.gpu_id for agent in agents if agent.configuration_id == configuration_id), None)
    into_url(draft.moved(configuration_id, target, present))


def _targets(found: PlacementMap) -> list[tuple[str, Target, str]]:
    cards = [(f"{card.gpu_id}", card.gpu_id, f"on GPU {card.gpu_id}") for card in found.cards]
    return [*((f"GPU {title}", target, spoken) for title, target, spoken in cards), *COLUMNS]


def _row(
    agent: PlacedAgent,
    targets: Sequence[tuple[str, Target, str]],
    draft: PlacementDraft,
    moves: dict[int, DraftMove],
) -> dict[str, object]:
    asked = dict(draft.targets)
    move = moves.get(agent.configuration_id or 0)
    name = formats.title(agent.agent_id) + (f" of {agent.owner}" if agent.owner else "")
    return {
        "key": f"{agent.configuration_id}-{agent.agent_id}-{agent.gpu_id}",
        "configuration": agent.configuration_id,
        **face(agent.agent_id, name),
        "model": short(agent.model_name, 40),
        "memory": _memory(agent),
        "note": _note(agent),
        "cells": [
            {
                "key": index,
                "state": _state(agent, target, asked, move),
                "label": f"Put {short(name, 60)} {spoken}",
            }
            for index, (_, target, spoken) in enumerate(targets)
        ],
    }  # fmt: skip


def _state(agent: PlacedAgent, target: Target, asked: dict[int, Target], move: DraftMove | None) -> str:
    """What a cell shows: here now, leaving, coming, asked for and refused, or nothing."""
    is_here = target != "anywhere" and target == agent.gpu_id
    is_asked = agent.configuration_id in asked and asked[agent.configuration_id] == target
    if move is None:
        return "here" if is_here else "asked" if is_asked else "free"
    if is_asked and move.is_refused:
        return "refused"
    if target == move.to_gpu_id and not move.is_refused:
        return "coming"
    return "leaving" if is_here else "asked" if is_asked else "free"


def _memory(agent: PlacedAgent) -> str:
    """What it was promised, what it takes, and by how much that differs."""
    said = f"{formats.memory(agent.promised_mib)} · {formats.memory(agent.measured_mib)}"
    if not agent.drift_mib:
        return said
    return f"{said} ({'+' if agent.drift_mib > 0 else '−'}{formats.memory(abs(agent.drift_mib))})"


def _note(agent: PlacedAgent) -> str:
    said = [f"estimated {formats.memory(agent.estimated_mib)}"]
    if agent.corrected_mib is not None and agent.corrected_mib != agent.estimated_mib:
        said.append(f"{formats.memory(agent.corrected_mib)} by what was measured")
    if agent.holder is not None:
        said.append(f"leased to {short(agent.holder, 40)}")
    return short(agent.objection, 160) if agent.objection else " · ".join(said)
