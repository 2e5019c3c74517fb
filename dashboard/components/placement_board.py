"""The map agents x cards: who is where, and a click that puts an agent elsewhere in the draft."""

from collections.abc import Iterable, Sequence

from dashboard import formats
from dashboard.components.face import face
from dashboard.components.packaged import component
from dashboard.components.placement_draft import PlacementDraft, Target, into_url
from dashboard.render import short
from helios_core.services.whatif import DraftMove, WhatIf, cards_of_target
from helios_core.views.placement import PlacedAgent, PlacementMap

COLUMNS: tuple[tuple[str, Target, str], ...] = (
    ("best", "anywhere", "wherever is best"),
    ("none", None, "off all cards"),
)
"""The columns beside the cards: their heads, the target they stand for, and what a reader hears."""
Columns = Sequence[tuple[str, Target, str]]


def placement_board(found: PlacementMap, draft: PlacementDraft, outcome: WhatIf | None, names: dict[str, str]) -> None:
    """Show the board; a click changes the draft. `names`: what agents are called that others are to be like."""
    agents = placed(found)
    columns = _columns(found)
    moves = outcome.moves if outcome else ()
    by_configuration = {move.configuration_id: move for move in moves if move.newcomer is None}
    rows = [_row(agent, columns, draft, by_configuration.get(agent.configuration_id)) for agent in agents]
    rows += [
        _newcomers(number, names.get(like, like), (like, count, target), columns, moves)
        for number, (like, count, target) in enumerate(draft.more)
    ]
    chosen = component("placement_board")(
        key="placement_board",
        data={"columns": [{"key": index, "title": title} for index, (title, _, _) in enumerate(columns)],
              "agents": rows},
        on_put_change=_follow_after_this_run,
    )  # fmt: skip
    if chosen.put:
        _put(int(chosen.put["agent"]), columns[int(chosen.put["column"])][1], agents, draft)


def placed(found: PlacementMap) -> list[PlacedAgent]:
    """Everybody once, those that share a card together, those without one last."""
    there = {agent.name: agent for card in found.cards for agent in card.agents}
    return [*there.values(), *found.waiting]


def next_target(agent: PlacedAgent, target: Target, asked: Target) -> Target:
    """What a click on a column asks for. An agent on several cards keeps as many: those that were clicked last."""
    wanted = len(agent.gpu_ids) if len(agent.gpu_ids) > 1 else min(agent.numbers)
    if wanted == 1 or not isinstance(target, int):
        return target
    before = cards_of_target(asked) or agent.gpu_ids
    chosen = (*(gpu_id for gpu_id in before if gpu_id != target), target)[-wanted:]
    return chosen if len(chosen) > 1 else chosen[0]


def _follow_after_this_run() -> None:
    """The click is read from the component's result; Streamlit reports it only where a callback is given."""


def _put(key: int, target: Target, agents: Sequence[PlacedAgent], draft: PlacementDraft) -> None:
    """Follow a click on the row of an agent, by its configuration, or of newcomers, by their place from -1 down."""
    if key < 0:
        like, count, _ = draft.more[-key - 1]
        into_url(draft.joined(like, 0 if target is None else count, target))
    agent = next(agent for agent in agents if agent.configuration_id == key)
    target = next_target(agent, target, dict(draft.targets).get(key))
    present: Target = agent.gpu_ids if len(agent.gpu_ids) > 1 else next(iter(agent.gpu_ids), None)
    stays = agent.gpu_ids and set(cards_of_target(target)) == set(agent.gpu_ids)
    into_url(draft.moved(key, present if stays else target, present))


def _columns(found: PlacementMap) -> Columns:
    cards = [(f"GPU {card.gpu_id}", card.gpu_id, f"on GPU {card.gpu_id}") for card in found.cards]
    return [*cards, *COLUMNS]


def _row(agent: PlacedAgent, columns: Columns, draft: PlacementDraft, move: DraftMove | None) -> dict[str, object]:
    is_asked = agent.configuration_id in dict(draft.targets)
    asked = dict(draft.targets).get(agent.configuration_id or 0)
    states = [
        _state(agent, target, move, is_asked=is_asked and (target == asked or target in cards_of_target(asked)))
        for _, target, _ in columns
    ]
    return {
        "key": f"{agent.configuration_id}-{agent.name}",
        "configuration": agent.configuration_id,
        **face(agent.agent_id, agent.name),
        "model": short(agent.model_name, 40),
        "memory": _memory(agent),
        "note": _note(agent),
        "cells": _cells(columns, states, agent.name),
    }


def _cells(columns: Columns, states: Iterable[str], name: str) -> list[dict[str, object]]:
    return [
        {"key": index, "state": state, "label": f"Put {short(name, 60)} {spoken}"}
        for index, ((_, _, spoken), state) in enumerate(zip(columns, states, strict=True))
    ]


def _state(agent: PlacedAgent, target: Target, move: DraftMove | None, *, is_asked: bool) -> str:
    """What a cell shows: here now, leaving, coming, asked for and refused, or nothing."""
    is_here = target in agent.gpu_ids or (target is None and not agent.gpu_ids)
    if move is None:
        return "here" if is_here else "asked" if is_asked else "free"
    if is_asked and move.is_refused:
        return "refused"
    if not move.is_refused and _comes(move, target):
        return "here" if is_here else "coming"
    return "leaving" if is_here else "asked" if is_asked else "free"


def _comes(move: DraftMove, target: Target) -> bool:
    return target in move.to_gpu_ids or (target is None and not move.to_gpu_ids)


def _newcomers(
    number: int, name: str, kind: tuple[str, int, Target], columns: Columns, moves: Sequence[DraftMove]
) -> dict[str, object]:
    """The row of agents that the draft adds; "none" takes them out of it."""
    like, count, asked = kind
    theirs = [move for move in moves if move.newcomer is not None and move.newcomer.like == like]
    refused = sum(move.is_refused for move in theirs)
    states = []
    for _, target, _ in columns:
        is_asked = target == asked or target in cards_of_target(asked)
        comes = target is not None and any(_comes(move, target) for move in theirs if not move.is_refused)
        states.append("coming" if comes else "refused" if is_asked and refused else "asked" if is_asked else "free")
    title = f"{count} more like {name}"
    first = theirs[0] if theirs else None
    return {
        "key": f"more-{like}",
        "configuration": -number - 1,
        **face(like, title),
        "initials": f"+{count}",
        "model": short(first.model_name, 40) if first else "",
        "memory": f"{formats.memory(first.memory_mib)} each" if first else "",
        "note": f"{refused} of {count} fit nowhere" if refused else "not there yet",
        "cells": _cells(columns, states, title),
    }


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
    if len(agent.gpu_ids) > 1:
        said.append(f"on {len(agent.gpu_ids)} cards")
    if agent.holder is not None:
        said.append(f"leased to {short(agent.holder, 40)}")
    return short(agent.objection, 160) if agent.objection else " · ".join(said)
