"""What if: agents elsewhere, more of them, or cards fewer. Everything is tried on a copy, and nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from helios_core.services.explanations import Explanation

Target = int | tuple[int, ...] | Literal["anywhere"] | None
"""A card, several of them at once, wherever is best, or no card at all."""


def cards_of_target(target: Target) -> tuple[int, ...]:
    """The cards that a target names."""
    if isinstance(target, int):
        return (target,)
    return target if isinstance(target, tuple) else ()


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Agents that are not there yet. Without `memory_mib` the estimate counts.

    `like`: an agent of all users that they are to be like, in all that is not said here.
    """

    model_name: str | None = None
    context_tokens: int | None = None
    memory_mib: int | None = None
    count: int = 1
    target: Target = "anywhere"
    model_provider: str | None = None
    agent_id: str | None = None
    priority: int | None = None
    wishes: Mapping[str, Any] | None = None
    like: str | None = None


@dataclass(frozen=True, slots=True)
class NewAgent:
    """One agent that is not there yet, as it would be created; `values` are the fields of its configuration."""

    agent_id: str
    display_name: str
    description: str
    capabilities: tuple[str, ...]
    values: Mapping[str, Any]
    like: str | None = None
    """The agent that it is like."""


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card that is not there yet."""

    name: str
    memory_mib: int
    compute_capability: str | None = None


@dataclass(frozen=True, slots=True)
class WhatIfDraft:
    """What shall be different: agents by their configuration, newcomers, cards that are taken away, and new ones."""

    targets: Mapping[int, Target] = field(default_factory=dict)
    newcomers: tuple[Newcomer, ...] = ()
    without_gpus: frozenset[int] = frozenset()
    new_cards: tuple[NewCard, ...] = ()
    may_evict: bool = False
    """Whether less important agents lose their card where nothing else makes room."""


@dataclass(frozen=True, slots=True)
class DraftMove:
    """One agent's way in a draft. Without cards before it had none; without cards after it gets none."""

    configuration_id: int | None
    agent_id: str
    agent: str
    """What people call it, and whose it is."""
    model_name: str | None
    from_gpu_ids: tuple[int, ...]
    to_gpu_ids: tuple[int, ...]
    memory_mib: int | None
    is_asked: bool
    """Whether the draft asks for it; others make room."""
    is_refused: bool
    """Whether it was to get a card, and no card takes it."""
    explanation: Explanation
    newcomer: NewAgent | None = None
    """The agent that is to be created; None: it is there."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one loaded model takes of a card, with the agents that share it; without a name: what others hold."""

    model_name: str | None
    memory_mib: int
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CardLoad:
    """What is promised of a card. Memory in MiB."""

    gpu_id: int
    name: str
    capacity_mib: int
    promised_mib: int
    free_mib: int
    """Neither promised nor, on a real card, in use by somebody else."""
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """How many more agents of a kind fit, now and after the draft."""

    model_name: str
    context_tokens: int | None
    memory_mib: int
    now: int
    after: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many more agents of a kind fit, on which cards, and why not one more. Memory in MiB."""

    model_name: str
    context_tokens: int | None
    memory_mib: int
    """What one takes alone on a card; agents on one card share what they can."""
    count: int
    by_gpu: Mapping[int, int]
    """How many would be on each card, whole or in part."""
    divided: int
    """How many of them would be on several cards."""
    next_one: Explanation

    @property
    def sentence(self) -> str:
        """The answer."""
        agents = "one more agent fits" if self.count == 1 else f"{self.count or 'no'} more agents fit"
        where = ", ".join(f"{count} on GPU {gpu_id}" for gpu_id, count in list(self.by_gpu.items())[:8])
        further = "" if len(self.by_gpu) <= 8 else f" and {len(self.by_gpu) - 8} more cards"
        divided = f", {self.divided} of them over several cards" if self.divided else ""
        return f"{agents} with {self.model_name}{f': {where}{further}' if where else ''}{divided}."


def _and_more(agents: list[str]) -> str:
    return agents[0] if len(agents) == 1 else f"{agents[0]} and {len(agents) - 1} more"


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a draft comes to."""

    before: tuple[CardLoad, ...]
    after: tuple[CardLoad, ...]
    moves: tuple[DraftMove, ...]
    room: tuple[Room, ...]

    @property
    def migrations(self) -> int:
        """How many agents leave a card for another one, and are loaded anew there."""
        return sum(bool(move.from_gpu_ids and move.to_gpu_ids) for move in self.moves)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Whom no card takes, and why: a sentence for all who are refused alike."""
        alike: dict[str, list[str]] = {}
        for move in self.moves:
            if move.is_refused:
                alike.setdefault(move.explanation.refusal, []).append(move.agent)
        return tuple(f"{_and_more(agents)}: {refusal}" for refusal, agents in alike.items())

    @property
    def is_applicable(self) -> bool:
        """Whether everybody whom the draft moves gets what it asks for."""
        return bool(self.moves) and not self.refusals
