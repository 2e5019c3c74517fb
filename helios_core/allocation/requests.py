"""Requests: what an agent asks of the fleet, and the shapes in which it can be served."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from helios_core.allocation.fleet import Traits

LoadedModel = tuple[str, str, int]
"""A model in a card's memory, its terms, and over how many cards it is divided: agents share on equal terms only."""


class Shape(NamedTuple):
    """One way to serve a kind: this many cards of one host, each giving this much, and the host this much besides."""

    cards: int
    compute_milli: int
    memory_mib: int
    """The agent's own."""
    weights_mib: int
    """The model's, paid by the first agent that uses it on the card."""
    model: LoadedModel | None
    host_cpu_milli: int
    host_memory_mib: int


@dataclass(frozen=True)
class Kind:
    """What is asked for, whoever asks. Memory in MiB, compute in thousandths of a card, CPU in thousandths of a core.

    `cards`: whole cards or shares of as many, each giving the full memory and compute; 0 needs only its host.
    `split_over`: over how many cards the demand may be divided, the preferred number first.
    """

    memory_mib: int = 0
    compute_milli: int = 0
    model: str | None = None
    terms: str = ""
    """What agents have in common, besides the model, that share its weights: an owner, a context."""
    weights_mib: int = 0
    cards: int = 1
    split_over: tuple[int, ...] = (1,)
    host_cpu_milli: int = 0
    host_memory_mib: int = 0
    gpu_types: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    min_capability: tuple[int, int] = (0, 0)
    max_agents_per_gpu: int | None = None
    """How many agents with this model may be on one card."""
    is_exclusive: bool = False
    """Whether the model wants its card without other models."""
    shapes: tuple[Shape, ...] = field(init=False, compare=False, repr=False)
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Work out once what every decision asks for."""
        object.__setattr__(self, "shapes", tuple(self._shape(parts) for parts in self.split_over))
        model = (self.model, self.terms, self.weights_mib)
        asked = (self.memory_mib, self.compute_milli, model, self.cards, self.split_over)
        needed = (self.host_cpu_milli, self.host_memory_mib, self.gpu_types, self.labels, self.min_capability)
        object.__setattr__(self, "_hash", hash((asked, needed, self.max_agents_per_gpu, self.is_exclusive)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def needs_host(self) -> bool:
        """Whether it takes CPU or memory of its host."""
        return self.host_cpu_milli > 0 or self.host_memory_mib > 0

    def over(self, cards: int) -> "Kind":
        """The same on exactly so many cards, whether it allows that or not."""
        if not self.cards or cards % self.cards:
            return replace(self, cards=cards, split_over=(1,))
        return replace(self, split_over=(cards // self.cards,))

    def _shape(self, parts: int) -> Shape:
        return Shape(
            cards=self.cards * parts,
            compute_milli=-(-self.compute_milli // parts),
            memory_mib=-(-self.memory_mib // parts),
            weights_mib=-(-self.weights_mib // parts),
            model=None if self.model is None else (self.model, self.terms, parts),
            host_cpu_milli=self.host_cpu_milli,
            host_memory_mib=self.host_memory_mib,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """One agent that asks for a place. A higher priority is worth more."""

    agent: str
    kind: Kind
    priority: int = 5
    owner: int | None = None
    role: str | None = None
    """What rules call the agent, where that is not its name here."""
    fixed_gpus: tuple[int, ...] = ()
    """The only cards that will do; none: any."""
    preferred_gpu: int | None = None
    affinity: str | None = None
    """Agents of one affinity share a card."""
    anti_affinity: str | None = None
    """Agents of one anti-affinity never share a card."""


def may_use(kind: Kind, traits: Traits) -> bool:
    """Whether a kind may be served by cards with these traits."""
    return (
        (not kind.gpu_types or traits.gpu_type in kind.gpu_types)
        and traits.capability >= kind.min_capability
        and kind.labels <= traits.labels
    )
