"""Translates the small instances into fleets and requests, and placements back into the checker's answers."""

from collections.abc import Mapping
from typing import Any

from helios_core.allocation.batch import place_all
from helios_core.allocation.fleet import Fleet, Gpu
from helios_core.allocation.place import Choice, Placer
from helios_core.allocation.rebalance import rebalance as plan_moves
from helios_core.allocation.requests import Kind, Request

Instance = Mapping[str, Any]

HEURISTIC_SECONDS = 0.015
"""An effort at which only the local search runs."""


def admit(instance: Instance, time_limit_s: float) -> dict[int, list[int]]:
    """The cards of every agent that is let in."""
    placer = _placer(instance)
    place_all(placer, [_request(agent) for agent in instance["agents"]], effort=time_limit_s)
    return {int(agent): list(cards) for agent, cards in placer.ledger.entries()}


def admit_heuristically(instance: Instance, _time_limit_s: float) -> dict[int, list[int]]:
    """The same by local search alone."""
    return admit(instance, HEURISTIC_SECONDS)


def rebalance(instance: Instance, time_limit_s: float) -> dict[int, int] | None:
    """The card of every agent with the pending one placed, or None."""
    placer = _placer(instance)
    for agent in instance["agents"]:
        request = _request(agent)
        placer.promise(request, Choice(request.kind.shapes[0], host=0, cards=(agent["current_gpu"],)))
    plan = plan_moves(placer, [_request(instance["pending"])], effort=time_limit_s)
    if plan is None:
        return None
    plan.apply(placer)
    return {int(agent): cards[0] for agent, cards in placer.ledger.entries()}


def _placer(instance: Instance) -> Placer:
    return Placer(
        Fleet.of(
            [
                Gpu(
                    gpu["gpu"],
                    total_memory_mib=gpu["mem_mib"],
                    compute_milli=gpu["compute_milli"],
                    capability=_capability(gpu["compute_capability"]),
                )
                for gpu in instance["gpus"]
            ]
        )
    )


def _request(agent: Instance) -> Request:
    group = agent["anti_affinity_group"]
    kind = Kind(
        memory_mib=agent["kv_mib"],
        compute_milli=agent["compute_milli"],
        model=str(agent["model"]),
        weights_mib=agent["weights_mib"],
        split_over=(2, 3, 4) if agent.get("must_split") else (1,),
        min_capability=_capability(agent["min_compute_capability"]),
    )
    return Request(
        str(agent["agent"]), kind, priority=agent["priority"], anti_affinity=None if group is None else str(group)
    )


def _capability(number: float) -> tuple[int, int]:
    major, _, minor = str(number).partition(".")
    return int(major), int(minor)
