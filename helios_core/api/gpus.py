"""GPUs: the cards, what they did, what runs on them; an operator decides what they take."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy.orm import Session

from helios_core.api import etags
from helios_core.api.access import Reader, Writer
from helios_core.api.etags import IfMatch
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import GpuId, JsonBody, Like, Moment, Reason, Resource
from helios_core.errors import InvalidInput, NotFound
from helios_core.services.gpus import CardFields, edit_card
from helios_core.views.gpus import GpuCard, list_gpus
from helios_core.views.history import METRICS, MOST_POINTS, GpuSeries, energy_used, gpu_history, throttle_spans

router = APIRouter(prefix="/gpus", tags=["gpus"])

Line = list[float | None]


class Promise(Resource):
    """What one agent was promised of a card, and what it was measured to use."""

    agent_id: str = Field(examples=["technical_expert"])
    model_name: str | None = Field(examples=["qwen2.5:14b"])
    status: str = Field(description="active, idle, overloaded, error or maintenance.", examples=["active"])
    allocated_mib: int = Field(description="MiB.", examples=[9000])
    measured_mib: int | None = Field(description="MiB.", examples=[8712])
    compute_percent: float | None = Field(description="0 to 100 %.", examples=[50])
    allocated_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])


class Process(Resource):
    """A process on a card."""

    pid: int = Field(examples=[4711])
    name: str | None = Field(examples=["ollama"])
    memory_used_mib: int | None = Field(description="MiB.", examples=[8712])
    first_seen_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])


class Gpu(Resource):
    """One card, as it was `read_at`. What it cannot report is null, and named in `unsupported`."""

    id: int = Field(description="Counts from 0; never given to another card.", examples=[0])
    uuid: str = Field(examples=["GPU-5c0c5a9e-5a3f-4a7e-9d5e-0f3f5d0c1a2b"])
    name: str = Field(examples=["RTX Titan X"])
    host: str = Field(examples=["workstation"])
    is_simulated: bool
    is_enabled: bool = Field(description="Whether it takes new agents.")
    total_memory_mib: int = Field(description="MiB.", examples=[12288])
    reserved_memory_mib: int | None = Field(description="MiB kept free.", examples=[512])
    max_concurrent_agents: int | None = Field(examples=[4])
    power_limit_watts: float | None = Field(description="W.", examples=[250])
    compute_capability: str | None = Field(examples=["8.6"])
    architecture: str | None = Field(examples=["Ampere"])
    pci_bus_id: str | None = Field(examples=["00000000:01:00.0"])
    driver_version: str | None = Field(examples=["580.65.06"])
    cuda_version: str | None = Field(examples=["13.0"])
    slowdown_temperature_celsius: int | None = Field(description="°C.", examples=[93])
    shutdown_temperature_celsius: int | None = Field(description="°C.", examples=[98])
    state: str = Field(description="ok, warning, critical, lost, unknown, or stale without a recent reading.")
    health_message: str | None = Field(examples=["Hot: 91 °C."])
    read_at: datetime = Field(examples=["2026-11-22T12:38:01Z"])
    sampled_at: datetime | None = Field(examples=["2026-11-22T12:38:00Z"])
    age_seconds: float | None = Field(description="How old the reading is, in s.", examples=[0.8])
    utilization_percent: float | None = Field(description="0 to 100 %.", examples=[63])
    memory_used_mib: int | None = Field(description="MiB.", examples=[8934])
    promised_mib: int = Field(description="MiB, of the promises that the user may see.", examples=[9000])
    temperature_celsius: float | None = Field(description="°C.", examples=[71])
    temperature_headroom_celsius: float | None = Field(description="°C below the slowdown.", examples=[22])
    power_watts: float | None = Field(description="W.", examples=[212.4])
    sm_clock_mhz: int | None = Field(description="MHz.", examples=[1740])
    memory_clock_mhz: int | None = Field(description="MHz.", examples=[7000])
    fan_percent: int | None = Field(description="0 to 100 %.", examples=[55])
    performance_state: int | None = Field(description="0 (fastest) to 15.", examples=[2])
    throttled_by: list[str] | None = Field(description="Why the clocks are held; empty: by nothing.")
    unsupported: dict[str, str] = Field(examples=[{"fan_percent": "not reported by this GPU"}])
    promises: list[Promise] = Field(description="Those that the user may see.")
    processes: list[Process]


class ThrottleSpan(Resource):
    """A time in which the same reasons held the clocks; null where that is unknown."""

    start: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    end: datetime = Field(examples=["2026-11-22T12:39:00Z"])
    reasons: list[str] | None = Field(examples=[["power cap"]])


class Energy(Resource):
    """What was used: measured power times the time that it was measured for."""

    watt_hours: float = Field(description="Wh.", examples=[3.5])
    coverage: float = Field(description="The share of the range that was measured, 0 to 1.", examples=[0.98])


class History(Resource):
    """What a card did. Value `i` of each line is the mean of the `step_seconds` from `start + i * step_seconds` on."""

    gpu_id: int = Field(examples=[0])
    start: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    step_seconds: int = Field(description="s.", examples=[6])
    lines: dict[str, Line] = Field(
        description=f"By metric ({', '.join(METRICS).replace('_mb', '_mib')}); null where there is no reading.",
        examples=[{"utilization_percent": [63, 64.5, None]}],
    )
    throttling: list[ThrottleSpan]
    energy: Energy


@router.get("", response_model=Listing[Gpu])
def list_cards(workspace: Reader) -> object:
    """Every card by its number, but simulated ones that are switched off."""
    return all_of(workspace.read(list_gpus))


@router.get("/{gpu_id}", response_model=Gpu, responses=etags.SHOWN)
def find_card(workspace: Reader, response: Response, gpu_id: GpuId) -> object:
    """One card. Its ETag names what an operator decides about it, not its readings."""
    card = workspace.read(lambda session: _card(session, gpu_id))
    response.headers["ETag"] = etags.of_values(_decided(card).snapshot())
    return card


@router.patch("/{gpu_id}", response_model=Gpu, responses=etags.SHOWN | etags.CHECKED)
def edit(
    *,
    workspace: Writer,
    response: Response,
    gpu_id: GpuId,
    changes: Annotated[
        JsonBody, Like(CardFields, is_partial=True), Field(examples=[{"reserved_memory_mb": 512, "is_enabled": True}])
    ],
    if_match: IfMatch = None,
    reason: Reason = None,
) -> object:
    """Decide what the card takes; operators may. Switched off, it keeps its agents and takes no new ones."""

    def save(session: Session) -> GpuCard:
        seen = _decided(_card(session, gpu_id)).snapshot()
        etags.require_match(if_match, etags.of_values(seen))
        edit_card(session, gpu_id, changes, seen, reason)
        return _card(session, gpu_id)

    card = workspace.act(save)
    response.headers["ETag"] = etags.of_values(_decided(card).snapshot())
    return card


@router.get("/{gpu_id}/processes", response_model=Listing[Process])
def list_processes(workspace: Reader, gpu_id: GpuId) -> object:
    """What the card reported to run on it at its last reading, the greatest first."""
    return all_of(workspace.read(lambda session: _card(session, gpu_id)).processes)


@router.get("/{gpu_id}/history", response_model=History)
def history(
    workspace: Reader,
    gpu_id: GpuId,
    start: Annotated[Moment | None, Query(description="An hour before `end` where it is left out.")] = None,
    end: Annotated[Moment | None, Query(description="Now where it is left out.")] = None,
    points: Annotated[
        int, Query(ge=2, le=MOST_POINTS, description="How many values a line has at most.")
    ] = MOST_POINTS,
) -> object:
    """What the card did from `start` to `end`, read from samples or from the rollups that go as far back."""
    until = end or datetime.now(UTC)
    since = start or until - timedelta(hours=1)
    if since >= until:
        raise InvalidInput({"start": "The range begins before it ends."})

    def load(session: Session) -> dict[str, object]:
        _card(session, gpu_id)
        [series] = gpu_history(session, [gpu_id], since, until, points)
        [energy] = energy_used(session, [gpu_id], since, until)
        return {
            "gpu_id": gpu_id,
            "start": series.start,
            "step_seconds": series.step_seconds,
            "lines": _lines(series),
            "throttling": throttle_spans(series),
            "energy": energy,
        }

    return workspace.read(load)


def _card(session: Session, gpu_id: int) -> GpuCard:
    for card in list_gpus(session):
        if card.id == gpu_id:
            return card
    message = f"There is no GPU {gpu_id}."
    raise NotFound(message)


def _decided(card: GpuCard) -> CardFields:
    return CardFields(
        is_enabled=card.is_enabled,
        reserved_memory_mb=card.reserved_memory_mib,
        max_concurrent_agents=card.max_concurrent_agents,
    )


def _lines(series: GpuSeries) -> dict[str, Line]:
    names = [metric.replace("_mb", "_mib") for metric in METRICS]
    return {name: _known(getattr(series, name)) for name in names}


def _known(line: npt.NDArray[np.float32]) -> Line:
    return [None if np.isnan(value) else float(value) for value in line]
