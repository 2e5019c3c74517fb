"""Which agent uses what of a card: from its processes to models, and from these to the agents that were promised them.

A process belongs to a model where its name says so, and a model server's process also where only one model is left that
it can be. What agents share they use in the proportion of their promises. Whatever else there is stays unattributed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import false, func, select, text
from sqlalchemy.orm import Session

from helios_core.models import AgentConfiguration, GPUAllocation, GPUResource
from helios_core.telemetry.readings import ProcessReading

SERVERS = ("ollama", "llama-server", "llama_server", "vllm", "lmstudio", "text-generation")
"""What the processes of model servers are called, or part of it."""
CONFIGURATIONS, ALLOCATIONS = AgentConfiguration.__table__, GPUAllocation.__table__

WRITE_USAGE = text("""
UPDATE gpu_allocations AS allocation SET current_memory_usage_mb = seen.usage, updated_at = now()
FROM unnest(CAST(:allocation_id AS bigint[]), CAST(:usage AS integer[])) AS seen (id, usage)
WHERE allocation.id = seen.id AND allocation.current_memory_usage_mb IS DISTINCT FROM seen.usage
""")

WRITE_MEASUREMENTS = text("""
INSERT INTO model_measurements AS known
    (model_provider, model_name, context_tokens, agents, readings, peak_memory_mb, measured_at)
SELECT provider::modelprovider, model, context, agents, 1, peak, now() FROM unnest(
    CAST(:provider AS text[]), CAST(:model AS text[]), CAST(:context AS integer[]), CAST(:agents AS smallint[]),
    CAST(:peak AS integer[])
) AS seen (provider, model, context, agents, peak)
ON CONFLICT (model_provider, model_name, context_tokens, agents) DO UPDATE SET
    readings = known.readings + 1, peak_memory_mb = greatest(known.peak_memory_mb, EXCLUDED.peak_memory_mb),
    measured_at = now()
""")


@dataclass(frozen=True, slots=True)
class Claim:
    """What an agent was promised of a card. Memory in MiB."""

    allocation_id: int
    gpu_id: int
    owner_id: int | None
    provider: str | None
    model_name: str | None
    context_tokens: int | None
    promised_mib: int
    is_divided: bool = False
    """Whether it is a part of what the agent has on several cards."""

    @property
    def loaded_model(self) -> tuple[object, ...]:
        """What agents have in common that share loaded weights."""
        return self.owner_id, self.provider, self.model_name, self.context_tokens


@dataclass(frozen=True, slots=True)
class Use:
    """A loaded model with the agents that share it, and what it was measured to take, in MiB."""

    claims: tuple[Claim, ...]
    memory_mib: int

    def shares(self) -> dict[int, int]:
        """What each allocation uses, in the proportion of the promises."""
        promised = sum(claim.promised_mib for claim in self.claims)
        part = {c.allocation_id: c.promised_mib / promised if promised else 1 / len(self.claims) for c in self.claims}
        return {allocation_id: round(self.memory_mib * share) for allocation_id, share in part.items()}


def attribute(processes: Iterable[ProcessReading], claims: Iterable[Claim]) -> tuple[Use, ...]:
    """The loaded models of one card that can be told from its processes."""
    by_model: dict[str, list[tuple[Claim, ...]]] = defaultdict(list)
    for group in _groups(claims):
        by_model[(group[0].model_name or "").casefold()].append(group)
    left = [process for process in processes if process.memory_used_mb is not None]
    uses: list[Use] = []
    for model in sorted(by_model, key=len, reverse=True):
        named = [process for process in left if model and model in (process.name or "").casefold()]
        if len(named) == len(by_model[model]):
            uses += _paired(by_model.pop(model), named)
            left = [process for process in left if process not in named]
    servers = [process for process in left if any(server in (process.name or "").casefold() for server in SERVERS)]
    unnamed = [group for groups in by_model.values() for group in groups]
    if len(servers) == len(unnamed) == 1:
        uses += _paired(unnamed, servers)
    return tuple(uses)


def _groups(claims: Iterable[Claim]) -> list[tuple[Claim, ...]]:
    """The agents of each loaded model."""
    found: dict[tuple[object, ...], tuple[Claim, ...]] = {}
    for claim in claims:
        found[claim.loaded_model] = (*found.get(claim.loaded_model, ()), claim)
    return list(found.values())


def _paired(groups: Sequence[tuple[Claim, ...]], processes: Sequence[ProcessReading]) -> list[Use]:
    """As many models as processes: what was promised most is what takes most."""
    by_promise = sorted(groups, key=lambda group: sum(claim.promised_mib for claim in group))
    by_use = sorted(processes, key=lambda process: process.memory_used_mb or 0)
    return [Use(group, p.memory_used_mb or 0) for group, p in zip(by_promise, by_use, strict=True)]


def claims_on(session: Session, gpu_ids: Collection[int]) -> dict[int, list[Claim]]:
    """What is promised of these cards."""
    allocations, configurations = ALLOCATIONS.c, CONFIGURATIONS.c
    configuration_id = func.coalesce(allocations.configuration_id, allocations.default_configuration_id)
    rows = session.execute(
        select(
            allocations.id,
            allocations.gpu_id,
            configurations.user_id,
            configurations.model_provider,
            allocations.model_name,
            configurations.context_tokens,
            allocations.allocated_memory_mb,
            func.coalesce(func.cardinality(configurations.further_gpu_ids) > 0, false()),
        )
        .select_from(ALLOCATIONS.join(CONFIGURATIONS, configurations.id == configuration_id, isouter=True))
        .where(allocations.gpu_id.in_(gpu_ids), allocations.released_at.is_(None))
        .order_by(allocations.id)
    )
    found: dict[int, list[Claim]] = defaultdict(list)
    for row in rows:
        found[row.gpu_id].append(Claim(*row))
    return found


def write_usage(session: Session, processes: Mapping[int, Sequence[ProcessReading]]) -> None:
    """Note what each agent on these cards uses of its promise, and, of real cards, what each model was seen to take."""
    claims = claims_on(session, processes.keys())
    uses = {gpu_id: attribute(found, claims.get(gpu_id, ())) for gpu_id, found in processes.items()}
    usage: dict[int, int | None] = {claim.allocation_id: None for found in claims.values() for claim in found}
    for found in uses.values():
        for use in found:
            usage.update(use.shares())
    if usage:
        session.execute(WRITE_USAGE, {"allocation_id": list(usage), "usage": list(usage.values())})
    real = session.scalars(select(GPUResource.id).where(GPUResource.id.in_(uses), ~GPUResource.is_simulated))
    _write_measurements(session, [use for gpu_id in real for use in uses[gpu_id] if _tells_of_its_model(use)])


def _tells_of_its_model(use: Use) -> bool:
    """Whether what was measured is what the model takes: of one that is divided a card shows a part only."""
    return use.claims[0].provider is not None and not any(claim.is_divided for claim in use.claims)


def _write_measurements(session: Session, uses: Sequence[Use]) -> None:
    most: dict[tuple[object, ...], int] = {}
    for use in uses:
        first = use.claims[0]
        key = (first.provider, first.model_name, first.context_tokens, len(use.claims))
        most[key] = max(most.get(key, 0), use.memory_mib)
    if most:
        providers, models, contexts, agents = zip(*most, strict=True)
        columns = {"model": models, "context": contexts, "agents": agents, "peak": most.values()}
        arrays = {name: list(values) for name, values in columns.items()}
        session.execute(WRITE_MEASUREMENTS, {"provider": [str(provider) for provider in providers], **arrays})
