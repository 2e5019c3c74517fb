"""Promises of a card's memory as arithmetic: what each agent adds to a card, and whether one more fits.

Agents of one owner that use the same model with the same context on one card share its loaded weights: the first
pays for the model, each further one for its own KV cache.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helios_core.providers.memory import estimate

DEFAULT_CONTEXT_TOKENS = 4096
"""What Ollama gives a model on a small card where nobody says how much."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one agent needs of a card: MiB, as if it were alone there. A default configuration has no owner."""

    owner_id: int | None
    agent_id: str
    model_name: str | None
    context_tokens: int | None
    memory_mib: int
    shared_mib: int | None = None
    """What of it agents on the same loaded model pay once; None: as the catalogue has it."""
    parts: int = 1
    """Into how many parts, each on a card of its own, the agent is divided; this is what one of them needs."""

    @property
    def loaded_model(self) -> tuple[object, ...]:
        """What agents have to have in common to share loaded weights."""
        return self.owner_id, self.model_name, self.context_tokens, self.parts


@dataclass(frozen=True, slots=True)
class Promise:
    """A live allocation, and the need that it serves."""

    allocation_id: int
    configuration_id: int | None
    need: Need
    promised_mib: int


@dataclass(frozen=True, slots=True)
class CardAccount:
    """One card, and everything that is promised of it, in the order in which it was promised."""

    gpu_id: int
    name: str
    total_mib: int
    capacity_mib: int
    """What may be promised: the total without what the driver keeps for itself."""
    blocked: str | None
    """Why the card takes nothing new."""
    promises: tuple[Promise, ...]

    def holds(self, configuration_id: int | None) -> bool:
        """Whether something is promised here to the agent with this configuration."""
        return configuration_id is not None and configuration_id in {p.configuration_id for p in self.promises}

    def without(self, configuration_id: int | None) -> tuple[Need, ...]:
        """The needs of all but the agent with this configuration."""
        others = (p for p in self.promises if configuration_id is None or p.configuration_id != configuration_id)
        return tuple(promise.need for promise in others)

    def after(self, configuration_id: int, promise: Promise | None) -> tuple[Promise, ...]:
        """The promises once the agent with this configuration has this one here, or none; the oldest first."""
        others = (other for other in self.promises if other.configuration_id != configuration_id)
        return tuple(sorted((*others, *((promise,) if promise else ())), key=lambda one: one.allocation_id))


@dataclass(frozen=True, slots=True)
class CardFit:
    """Whether an agent fits on a card. Memory in MiB; None where nobody knows what the agent needs."""

    gpu_id: int
    name: str
    total_mib: int
    capacity_mib: int
    promised_to_others_mib: int
    promised_by_model: Mapping[str, int]
    """What others are promised, by the model that they use it for."""
    added_mib: int | None
    """What the agent, or its part on this card, would add."""
    shares_weights: bool
    refusal: str | None

    @property
    def free_mib(self) -> int:
        """What is promised to nobody else."""
        return self.capacity_mib - self.promised_to_others_mib

    @property
    def fits(self) -> bool | None:
        """None where the need is unknown."""
        return None if self.added_mib is None and self.refusal is None else self.refusal is None

    @property
    def sentence(self) -> str:
        """The fit, or what is in its way, in one line."""
        if self.refusal is not None:
            return self.refusal
        free = f"{gib(self.free_mib)} of {gib(self.capacity_mib)} GiB free"
        if self.added_mib is None:
            return f"GPU {self.gpu_id} has {free}; what this agent needs is unknown."
        sharing = ", shares loaded weights" if self.shares_weights else ""
        return f"fits on GPU {self.gpu_id}: {free}, needs {gib(self.added_mib)}{sharing}"


def gib(mib: int) -> str:
    """MiB as GiB with one decimal."""
    return f"{mib / 1024:.1f}"


def portions(needs: Sequence[Need]) -> list[int]:
    """What each need adds to a card, in MiB and in order: whoever comes second to a loaded model shares it."""
    loaded: set[tuple[object, ...]] = set()
    added = []
    for need in needs:
        shared = _shared_mib(need) if need.loaded_model in loaded else 0
        added.append(max(need.memory_mib - shared, 0))
        loaded.add(need.loaded_model)
    return added


def _by_model(needs: Sequence[Need]) -> dict[str, int]:
    found: dict[str, int] = {}
    for need, portion in zip(needs, portions(needs), strict=True):
        model_name = need.model_name or "unknown model"
        found[model_name] = found.get(model_name, 0) + portion
    return found


def _shared_mib(need: Need) -> int:
    """What a further agent does not pay: rounded down, so that nobody is promised too little."""
    if need.shared_mib is not None:
        return need.shared_mib
    found = estimate(need.model_name or "", need.context_tokens or DEFAULT_CONTEXT_TOKENS)
    return 0 if found is None else math.floor(found.shared_mib)


def fit_on(account: CardAccount, need: Need | None, configuration_id: int | None) -> CardFit:
    """How `need`, of the agent with this configuration, fits beside all others; `need` None: it is unknown."""
    others = account.without(configuration_id)
    by_model = _by_model(others)
    promised = sum(by_model.values())
    added = None if need is None else portions([*others, need])[-1]
    free = account.capacity_mib - promised
    refusal = None if account.holds(configuration_id) else account.blocked
    if refusal is None and added is not None and added > free:
        refusal = (
            f"GPU {account.gpu_id} has {gib(free)} of {gib(account.capacity_mib)} GiB free; "
            f"this agent needs {gib(added)}."
        )
    shares = need is not None and need.loaded_model in {other.loaded_model for other in others}
    return CardFit(
        gpu_id=account.gpu_id,
        name=account.name,
        total_mib=account.total_mib,
        capacity_mib=account.capacity_mib,
        promised_to_others_mib=promised,
        promised_by_model=by_model,
        added_mib=added,
        shares_weights=shares,
        refusal=refusal,
    )
