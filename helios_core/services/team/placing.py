"""Which models the default team uses, and on which cards: a choice among a few hundred, made by trying them all.

The team is three groups, each on one model of a family of its own, so that the lead, the experts and those who
question them do not share one model's blind spots. Agents of a group share the loaded weights of one card.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from helios_core.providers.memory import MemoryEstimate, estimate
from helios_core.services.promises import Need, portions


@dataclass(frozen=True, slots=True)
class Rung:
    """A model, and the context that each agent on it gets."""

    model_name: str
    context_tokens: int

    @property
    def estimate(self) -> MemoryEstimate:
        """What one agent alone on a card takes with it."""
        found = estimate(self.model_name, self.context_tokens)
        if found is None:
            message = f"{self.model_name} is not in the catalogue of the memory estimate."
            raise LookupError(message)
        return found


SMALLEST = Rung("llama3.2:3b", 4096)
LADDERS: Mapping[str, tuple[Rung, ...]] = {
    "lead": (
        Rung("qwen2.5:72b", 8192),
        Rung("qwen2.5:32b", 8192),
        Rung("qwen2.5:14b", 8192),
        Rung("qwen2.5:7b", 8192),
        SMALLEST,
    ),
    "experts": (Rung("llama3.1:70b", 8192), Rung("llama3.1:8b", 8192), SMALLEST),
    "voices": (Rung("mistral:7b", 8192), SMALLEST),
}
"""Each group's models, the best first. Groups that come earlier choose first."""
WITHOUT_CARDS: Mapping[str, Rung] = {
    "lead": Rung("qwen2.5:14b", 8192),
    "experts": Rung("llama3.1:8b", 8192),
    "voices": Rung("mistral:7b", 8192),
}
"""What each group is configured for while no card is known: three cards of 12 GiB would hold it."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card that may be used, and the MiB of it that are promised to nobody."""

    gpu_id: int
    free_mib: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a group goes, and with which model."""

    gpu_id: int
    rung: Rung


Choice = tuple[Place | None, ...]


def place_groups(cards: Sequence[Card], group_sizes: Mapping[str, int]) -> dict[str, Place]:
    """A place for each group of LADDERS with agents; a group that fits nowhere has none.

    Of all choices within the cards' free memory: most agents placed, then fewest groups on the smallest model, then the
    best models, the lead's first, then the most even headroom, then the cards that come first.
    """
    groups = [group for group in LADDERS if group_sizes.get(group)]
    sizes = [group_sizes[group] for group in groups]
    # One card holds a group, so more cards than groups, taken by free memory, cannot help.
    roomiest = sorted(cards, key=lambda card: (-card.free_mib, card.gpu_id))[: len(groups)]
    if not roomiest:
        return {}
    candidates = [choice for choice in _choices(roomiest, groups) if _headrooms_mib(choice, sizes, roomiest)[0] >= 0]
    best = max(candidates, key=lambda choice: _merit(choice, groups, sizes, roomiest))
    return {group: place for group, place in zip(groups, best, strict=True) if place is not None}


def _choices(cards: Sequence[Card], groups: Sequence[str]) -> Iterator[Choice]:
    options: list[list[Place | None]] = [
        [*(Place(card.gpu_id, rung) for rung in LADDERS[group] for card in cards), None] for group in groups
    ]
    return product(*options)


def _merit(
    choice: Choice, groups: Sequence[str], sizes: Sequence[int], cards: Sequence[Card]
) -> tuple[int, int, tuple[int, ...], list[int]]:
    placed = sum(size for place, size in zip(choice, sizes, strict=True) if place is not None)
    on_smallest = sum(place is not None and place.rung == SMALLEST for place in choice)
    ranks = tuple(
        -LADDERS[group].index(place.rung) if place is not None else -len(LADDERS[group])
        for group, place in zip(groups, choice, strict=True)
    )
    return placed, -on_smallest, ranks, _headrooms_mib(choice, sizes, cards)


def _headrooms_mib(choice: Choice, sizes: Sequence[int], cards: Sequence[Card]) -> list[int]:
    """What stays free on each card, the fullest first; negative where a card is asked for more than it has."""
    agents: dict[Place, int] = {}
    for place, size in zip(choice, sizes, strict=True):
        if place is not None:
            agents[place] = agents.get(place, 0) + size
    free = {card.gpu_id: card.free_mib for card in cards}
    for place, size in agents.items():
        free[place.gpu_id] -= _load_mib(place.rung, size)
    return sorted(free.values())


@cache
def _load_mib(rung: Rung, agents: int) -> int:
    """What `agents` that share one loaded model take."""
    memory_mib = rung.estimate.reservation_mib
    needs = [Need(None, str(agent), rung.model_name, rung.context_tokens, memory_mib) for agent in range(agents)]
    return sum(portions(needs))
