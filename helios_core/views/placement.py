"""The map of placement: every card with who is on it, promised against measured, and who waits for a card.

Memory is in MiB. An agent of another user stays unseen to a member; only sums tell what others hold.
"""

from dataclasses import dataclass
from datetime import datetime

from helios_core.services.whatif import Segment


@dataclass(frozen=True, slots=True)
class PlacedAgent:
    """One agent that has, or waits for, a card. What was not measured, or is not known, is None."""

    configuration_id: int | None
    """None for a lease, and for what another program was promised."""
    agent_id: str
    name: str
    owner: str | None
    """None: the default of all users."""
    model_name: str | None
    context_tokens: int | None
    priority: int
    gpu_id: int | None
    promised_mib: int | None
    measured_mib: int | None
    estimated_mib: int | None
    """What the model takes by the arithmetic, alone on a card."""
    corrected_mib: int | None
    """The same, corrected by what was measured of the model so far."""
    shares_weights: bool
    holder: str | None
    """Who holds the lease, where it is one."""
    expires_at: datetime | None

    @property
    def drift_mib(self) -> int | None:
        """By how much it takes more than it was promised; negative where it takes less."""
        if self.measured_mib is None or self.promised_mib is None:
            return None
        return self.measured_mib - self.promised_mib


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with a card."""

    kind: str
    sentence: str
    began_at: datetime
    is_acting: bool
    """Whether it has lasted long enough to move agents away."""


@dataclass(frozen=True, slots=True)
class MapCard:
    """One card, with what is promised of it."""

    gpu_id: int
    name: str
    host: str
    is_simulated: bool
    is_enabled: bool
    health: str
    health_message: str | None
    temperature_celsius: float | None
    utilization_percent: float | None
    sampled_at: datetime | None
    total_mib: int
    capacity_mib: int
    """What may be promised: the total without what is kept free."""
    promised_mib: int
    measured_mib: int | None
    segments: tuple[Segment, ...]
    agents: tuple[PlacedAgent, ...]
    troubles: tuple[Trouble, ...]

    @property
    def free_mib(self) -> int:
        """What is promised to nobody; negative where more is promised than there is."""
        return self.capacity_mib - self.promised_mib


@dataclass(frozen=True, slots=True)
class PlacementMap:
    """All cards, the agents that wait for one, and the reader's own quota."""

    cards: tuple[MapCard, ...]
    waiting: tuple[PlacedAgent, ...]
    """Agents that are on, use a model on our own cards, and have none."""
    quota_mib: int | None
    used_mib: int
    """What counts against the reader's quota."""
    read_at: datetime
