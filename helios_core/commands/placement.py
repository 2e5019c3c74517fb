"""`helios place`: what is where, what if it were elsewhere, and how many more agents fit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from helios_core.commands.options import Data, Json, show, workspace_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helios_core.services.placement import Decided
    from helios_core.services.whatif import CardLoad, WhatIf
    from helios_core.services.workspace import Workspace
    from helios_core.views.placement import PlacementMap

WhatIfFile = Annotated[
    Path | None, typer.Option("--what-if", metavar="FILE", readable=False, help="Try a draft, TOML or JSON.")
]


def place_command(
    agent: Annotated[str | None, typer.Argument(metavar="[AGENT]", help="Place this agent.")] = None,
    *,
    gpu: Annotated[
        list[int] | None,
        typer.Option("--gpu", metavar="N", min=0, help="On this card, and no other; again for each of several."),
    ] = None,
    what_if: WhatIfFile = None,
    apply: Annotated[bool, typer.Option("--apply", help="Make the moves of the draft, all or none.")] = False,
    undo: Annotated[int | None, typer.Option("--undo", metavar="PLAN", help="Put back whom a plan moved.")] = None,
    how_many: Annotated[
        str | None, typer.Option("--how-many", metavar="MODEL", help="Count how many more agents with it fit.")
    ] = None,
    context: Annotated[int | None, typer.Option(metavar="TOKENS", min=1, help="Of --how-many: context.")] = None,
    memory: Annotated[int | None, typer.Option(metavar="MIB", min=1, help="Of --how-many: memory of each.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="WHY", help="The audit keeps it.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show what is where, place an agent, or try a draft first."""
    asked = [value for value in (agent, what_if, undo, how_many) if value is not None]
    if len(asked) > 1 or (apply and what_if is None):
        message = "Ask for one thing: an AGENT, --what-if FILE (with --apply), --undo PLAN, or --how-many MODEL."
        raise typer.BadParameter(message)
    workspace = workspace_for(data)
    if what_if is not None:
        _try(workspace, what_if, apply=apply, reason=reason, json=json)
    elif agent is not None:
        _place(workspace, agent, gpu or [], reason, json=json)
    elif undo is not None:
        _undo(workspace, undo, reason, json=json)
    elif how_many is not None:
        _count(workspace, how_many, context, memory, gpu or [], json=json)
    else:
        from helios_core.views.placement import placement_map

        found = workspace.read(placement_map)
        show(found, json, lambda: _map_text(found))


def _place(workspace: "Workspace", agent: str, gpus: list[int], reason: str | None, *, json: bool) -> None:
    from helios_core.services.placement import place

    decided = workspace.act(lambda session: place(session, agent, sorted(set(gpus)), reason))
    said = f"No card takes {decided.agent_name}." if decided.outcome == "refused" else decided.sentence
    show(decided, json, lambda: "\n".join([said, *decided.explanation.sentences]))
    if decided.outcome == "refused":
        raise typer.Exit(5)


def _undo(workspace: "Workspace", plan_id: int, reason: str | None, *, json: bool) -> None:
    from helios_core.services.plans import undo_plan

    decided = workspace.act(lambda session: undo_plan(session, plan_id, reason))
    show(decided, json, lambda: _decided_text(decided))


def _count(
    workspace: "Workspace", model: str, context: int | None, memory: int | None, gpus: list[int], *, json: bool
) -> None:
    from helios_core.services.trials import how_many
    from helios_core.services.whatif import Newcomer

    wanted = tuple(sorted(set(gpus)))
    kind = Newcomer(model, context_tokens=context, memory_mib=memory, target=wanted or "anywhere")
    found = workspace.read(lambda session: how_many(session, kind))
    show(found, json, lambda: "\n".join([found.sentence, "The next one:", *found.next_one.sentences]))


def _try(workspace: "Workspace", path: Path, *, apply: bool, reason: str | None, json: bool) -> None:
    from helios_core.services.drafting import draft_of, read_draft
    from helios_core.services.plans import apply_plan, draft_plan
    from helios_core.services.trials import what_if

    values = read_draft(path)
    found = workspace.read(lambda session: what_if(session, draft_of(session, values)))
    if not apply:
        show(found, json, lambda: _what_if_text(found))
        if found.refusals:
            raise typer.Exit(5)
        return
    plan_id = workspace.act(lambda session: draft_plan(session, draft_of(session, values), path.name))
    decided = workspace.act(lambda session: apply_plan(session, plan_id, reason))
    show(
        {"plan_id": plan_id, "decided": decided},
        json,
        lambda: f"{_decided_text(decided)}\nUndo it with `helios place --undo {plan_id}`.",
    )


def _decided_text(decided: "tuple[Decided, ...]") -> str:
    return "\n".join(found.sentence for found in decided)


def _what_if_text(found: "WhatIf") -> str:
    from helios_core.tables import table

    moves = [
        (
            m.agent,
            m.model_name,
            _cards(m.from_gpu_ids),
            "refused" if m.is_refused else _cards(m.to_gpu_ids),
            m.memory_mib,
        )
        for m in found.moves
    ]
    before = {load.gpu_id: load for load in found.before}
    loads = [
        (load.gpu_id, load.name, _promised(before.get(load.gpu_id)), load.promised_mib, load.free_mib)
        for load in found.after
    ]
    rooms = [(room.model_name, room.context_tokens, room.memory_mib, room.now, room.after) for room in found.room]
    parts = [table(("AGENT", "MODEL", "FROM GPU", "TO GPU", "MEMORY MiB"), moves) if moves else "This moves nobody."]
    parts += [f"{move.agent}:\n  " + "\n  ".join(move.explanation.sentences) for move in found.moves]
    parts.append(table(("GPU", "NAME", "PROMISED MiB NOW", "AFTER", "FREE MiB AFTER"), loads))
    if rooms:
        parts.append(table(("ONE MORE WITH", "CONTEXT", "MEMORY MiB", "FITS NOW", "AFTER"), rooms))
    return "\n\n".join(parts)


def _cards(gpu_ids: "Sequence[int]") -> str | None:
    """The cards' numbers, or nothing where there is no card."""
    return "+".join(map(str, gpu_ids)) or None


def _promised(load: "CardLoad | None") -> int | None:
    return None if load is None else load.promised_mib


def _map_text(found: "PlacementMap") -> str:
    from helios_core.tables import table

    placed = {agent.name: agent for card in found.cards for agent in card.agents}
    rows = [
        (_cards(agent.gpu_ids), agent.name, agent.model_name, agent.promised_mib, agent.measured_mib,
         agent.estimated_mib)
        for agent in (*placed.values(), *found.waiting)
    ]  # fmt: skip
    cards = [
        (card.gpu_id, card.name, card.health, card.promised_mib, card.measured_mib, card.capacity_mib, card.free_mib)
        for card in found.cards
    ]
    hosts = [
        (host.name, host.promised_cpu_cores, host.cpu_cores, host.promised_memory_mib, host.memory_mib)
        for host in found.hosts
    ]
    return "\n\n".join(
        [
            table(("GPU", "NAME", "HEALTH", "PROMISED MiB", "MEASURED MiB", "OF MiB", "FREE MiB"), cards),
            table(("GPU", "AGENT", "MODEL", "PROMISED MiB", "MEASURED MiB", "ESTIMATED MiB"), rows),
            table(("HOST", "CORES PROMISED", "OF", "MiB PROMISED", "OF"), hosts),
        ]
    )
