"""How much memory a model takes: the estimate, and the same corrected by what was measured of it; both are shown.

What an agent's cache of keys and values takes follows from its context, so it is the rest that a measurement corrects:
what was measured at most, less the caches of the agents that were there. That rest counts for every context.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.models import ModelFact, ModelMeasurement, ModelProvider
from helios_core.providers.memory import MemoryEstimate, QuantisedModel, estimate_of, model_of, recognise
from helios_core.services.promises import DEFAULT_CONTEXT_TOKENS

ENOUGH_READINGS = 30
"""Of fewer readings nothing is concluded."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What so many agents on one loaded model took at most, in MiB."""

    context_tokens: int | None
    agents: int
    readings: int
    peak_mib: int


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """What one agent alone on a card takes with a model, in MiB."""

    estimate: MemoryEstimate | None
    is_told: bool
    """Whether the model's dimensions are what its provider told, and not the catalogue's."""
    corrected_mib: int | None
    readings: int
    shared_mib: int
    """What a further agent does not pay: rounded down, so that nobody is promised too little."""

    @property
    def estimated_mib(self) -> int | None:
        """What the arithmetic says."""
        return None if self.estimate is None else self.estimate.reservation_mib

    @property
    def reservation_mib(self) -> int:
        """What a promise has to hold: as measured, else as estimated."""
        return self.corrected_mib if self.corrected_mib is not None else self.estimated_mib or 0


class MemoryBook:
    """What is known of models: what providers told of them, and what was measured of them."""

    def __init__(
        self,
        told: Mapping[tuple[ModelProvider, str], QuantisedModel],
        measured: Mapping[tuple[ModelProvider, str], Sequence[Measured]],
    ) -> None:
        self._told = told
        self._measured = measured
        self._worked_out: dict[tuple[ModelProvider, str, int | None], MemoryFigures | None] = {}

    @classmethod
    def load(cls, session: Session) -> Self:
        """All that is known."""
        facts = session.execute(select(ModelFact.model_provider, ModelFact.model_name, ModelFact.architecture))
        told = {(row.model_provider, row.model_name): model_of(row.architecture) for row in facts}
        measured: dict[tuple[ModelProvider, str], list[Measured]] = {}
        for row in session.scalars(select(ModelMeasurement).order_by(ModelMeasurement.id)):
            found = Measured(row.context_tokens, row.agents, row.readings, row.peak_memory_mb)
            measured.setdefault((row.model_provider, row.model_name), []).append(found)
        return cls({key: model for key, model in told.items() if model is not None}, measured)

    def figures(self, provider: ModelProvider, model_name: str, context_tokens: int | None) -> MemoryFigures | None:
        """What the model takes; None where it runs elsewhere, or nothing is known of it."""
        key = (provider, model_name, context_tokens)
        if key not in self._worked_out:
            self._worked_out[key] = self._work_out(*key)
        return self._worked_out[key]

    def _work_out(self, provider: ModelProvider, model_name: str, context_tokens: int | None) -> MemoryFigures | None:
        if provider is not ModelProvider.OLLAMA:
            return None
        told = self._told.get((provider, model_name))
        model = told or recognise(model_name)
        measured = [m for m in self._measured.get((provider, model_name), ()) if m.readings >= ENOUGH_READINGS]
        if model is None:
            return _measured_alone(measured, context_tokens)
        found = estimate_of(model, context_tokens or DEFAULT_CONTEXT_TOKENS)
        if found is None:
            return _measured_alone(measured, context_tokens)
        shared = found.shared_mib
        best = max(measured, key=lambda m: m.readings, default=None)
        if best is None:
            return MemoryFigures(found, told is not None, None, 0, math.floor(shared))
        cache = estimate_of(model, best.context_tokens or DEFAULT_CONTEXT_TOKENS)
        shared = max(best.peak_mib - best.agents * (cache.kv_mib if cache else 0.0), 0.0)
        corrected = math.ceil(shared + found.kv_mib)
        return MemoryFigures(found, told is not None, corrected, best.readings, math.floor(shared))


def _measured_alone(measured: Sequence[Measured], context_tokens: int | None) -> MemoryFigures | None:
    """Of a model that no arithmetic knows: what one agent took with this context."""
    alone = next((m for m in measured if m.agents == 1 and m.context_tokens == context_tokens), None)
    return None if alone is None else MemoryFigures(None, False, alone.peak_mib, alone.readings, 0)
