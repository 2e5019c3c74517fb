"""/metrics: figures for Prometheus, behind a key like everything else here.

Names begin with `helios_` and end with their base unit. `?dcgm=1` adds the names and units of NVIDIA's own exporter for
what it also reads, so that dashboards made for that one show these cards.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import version

from fastapi.security import HTTPAuthorizationCredentials
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from helios_core.api.access import OpenWorkspace, holder_of, opened_by
from helios_core.api.exposition import MEDIA_TYPE, Family, Labels, text_of
from helios_core.api.problems import problem_of
from helios_core.database.session import SYSTEM
from helios_core.errors import HeliosError
from helios_core.services.keys import Scope
from helios_core.views.gpus import GpuCard
from helios_core.views.metrics import Metrics, read_metrics

MIB = 1024 * 1024
MHZ = 1_000_000
LOST = "lost"

Reading = Callable[[GpuCard], float | None]

CARDS: dict[str, tuple[str, Reading]] = {
    "helios_gpu_memory_total_bytes": ("Memory that the card has.", lambda c: c.total_memory_mib * MIB),
    "helios_gpu_memory_reserved_bytes": ("Memory kept free of agents.", lambda c: _times(c.reserved_memory_mib, MIB)),
    "helios_gpu_memory_allocated_bytes": ("Memory promised to agents.", lambda c: c.promised_mib * MIB),
    "helios_gpu_power_limit_watts": ("The most power that the card may draw.", lambda c: c.power_limit_watts),
    "helios_gpu_slowdown_temperature_celsius": (
        "Where the card begins to slow down.", lambda c: c.slowdown_temperature_celsius
    ),
}  # fmt: skip
"""What is true of a card whether it was read or not."""

READINGS: dict[str, tuple[str, Reading]] = {
    "helios_gpu_memory_used_bytes": ("Memory in use.", lambda c: _times(c.memory_used_mib, MIB)),
    "helios_gpu_utilization_ratio": ("Share of the time in which the card computed.",
                                     lambda c: _times(c.utilization_percent, 0.01)),
    "helios_gpu_temperature_celsius": ("Temperature of the card.", lambda c: c.temperature_celsius),
    "helios_gpu_power_watts": ("Power that the card draws.", lambda c: c.power_watts),
    "helios_gpu_sm_clock_hertz": ("Clock of the multiprocessors.", lambda c: _times(c.sm_clock_mhz, MHZ)),
    "helios_gpu_memory_clock_hertz": ("Clock of the memory.", lambda c: _times(c.memory_clock_mhz, MHZ)),
    "helios_gpu_fan_ratio": ("Speed of the fan.", lambda c: _times(c.fan_percent, 0.01)),
}  # fmt: skip
"""What the last reading said; nothing while that is too old."""

DCGM: dict[str, tuple[str, Reading]] = {
    "DCGM_FI_DEV_GPU_TEMP": ("GPU temperature (in C).", lambda c: c.temperature_celsius),
    "DCGM_FI_DEV_POWER_USAGE": ("Power draw (in W).", lambda c: c.power_watts),
    "DCGM_FI_DEV_GPU_UTIL": ("GPU utilization (in %).", lambda c: c.utilization_percent),
    "DCGM_FI_DEV_SM_CLOCK": ("SM clock frequency (in MHz).", lambda c: c.sm_clock_mhz),
    "DCGM_FI_DEV_MEM_CLOCK": ("Memory clock frequency (in MHz).", lambda c: c.memory_clock_mhz),
    "DCGM_FI_DEV_FB_USED": ("Framebuffer memory used (in MiB).", lambda c: c.memory_used_mib),
    "DCGM_FI_DEV_FB_FREE": ("Framebuffer memory free (in MiB).",
                            lambda c: None if c.memory_used_mib is None else c.total_memory_mib - c.memory_used_mib),
}  # fmt: skip
"""The names and units of NVIDIA's exporter."""


def metrics_route(open_workspace: OpenWorkspace) -> Route:
    """/metrics of the database that `open_workspace` opens."""

    def metrics(request: Request) -> Response:
        try:
            system = open_workspace().on_behalf_of(SYSTEM)
            reader = opened_by(Scope.READ)(system, holder_of(system, _sent_key(request)))
            families = families_of(reader.read(read_metrics), with_dcgm=request.query_params.get("dcgm") == "1")
            return Response(text_of(families), media_type=MEDIA_TYPE)
        except HeliosError as error:
            return problem_of(error)

    return Route("/metrics", metrics, methods=["GET"])


def families_of(read: Metrics, *, with_dcgm: bool) -> Iterator[Family]:
    """Every figure; the labels of a card are its UUID, its number here and its host."""
    yield Family("helios_build_info", "gauge", "Which Helios this is.", (({"version": version("helios")}, 1),))
    yield Family("helios_database_size_bytes", "gauge", "Size of the database.", (({}, read.database_bytes),))
    yield from _of_collectors(read)
    yield from _of_cards(read)
    yield from _of_work(read)
    if with_dcgm:
        for name, (text, reading) in DCGM.items():
            yield Family(name, "gauge", text, tuple((_dcgm_labels(c), reading(c)) for c in read.cards if _is_up(c)))


def _of_collectors(read: Metrics) -> Iterator[Family]:
    hosts = [({"host": collector.host}, collector) for collector in read.collectors]
    text = "Whether the cards of the host are read."
    yield Family("helios_collector_up", "gauge", text, tuple((at, float(c.is_alive)) for at, c in hosts))
    text = "When the cards of the host were last read."
    last = tuple((at, c.last_success_at.timestamp() if c.last_success_at else None) for at, c in hosts)
    yield Family("helios_collector_last_success_timestamp_seconds", "gauge", text, last)


def _of_cards(read: Metrics) -> Iterator[Family]:
    yield Family("helios_gpu_info", "gauge", "What a card is.", tuple((_info(card), 1) for card in read.cards))
    text = "Whether a card answers: there is a fresh reading, and it is not lost."
    yield Family("helios_gpu_up", "gauge", text, tuple((_labels(card), float(_is_up(card))) for card in read.cards))
    for name, (text, reading) in CARDS.items():
        yield Family(name, "gauge", text, tuple((_labels(card), reading(card)) for card in read.cards))
    fresh = [card for card in read.cards if _is_up(card)]
    for name, (text, reading) in READINGS.items():
        yield Family(name, "gauge", text, tuple((_labels(card), reading(card)) for card in fresh))
    reasons = tuple(({**_labels(card), "reason": reason}, 1.0) for card in fresh for reason in card.throttled_by or ())
    yield Family("helios_gpu_throttle", "gauge", "Why the clocks of a card are held.", reasons)


def _of_work(read: Metrics) -> Iterator[Family]:
    phases = tuple(({"phase": phase}, float(count)) for phase, count in read.conversations.items())
    yield Family("helios_conversations", "gauge", "Conversations under way.", phases)
    waiting = tuple(
        ({"agent": agent_id, "status": status}, float(count)) for (agent_id, status), count in read.delegations.items()
    )
    yield Family("helios_delegations", "gauge", "Delegations that have not ended.", waiting)
    ended = tuple(
        ({"agent": agent_id, "status": status}, float(count))
        for agent_id, work in read.ended_work.items()
        for status, count in (("completed", work.completed), ("failed", work.failed))
    )
    yield Family("helios_agent_delegations_total", "counter", "Delegations to an agent that have ended.", ended)


def _sent_key(request: Request) -> HTTPAuthorizationCredentials | None:
    scheme, credentials = get_authorization_scheme_param(request.headers.get("Authorization"))
    is_key = scheme.lower() == "bearer" and credentials
    return HTTPAuthorizationCredentials(scheme=scheme, credentials=credentials) if is_key else None


def _is_up(card: GpuCard) -> bool:
    return not card.is_stale and card.health != LOST


def _labels(card: GpuCard) -> Labels:
    return {"uuid": card.uuid, "gpu": str(card.id), "host": card.host}


def _info(card: GpuCard) -> Labels:
    return {
        **_labels(card),
        "name": card.name,
        "driver_version": card.driver_version or "",
        "cuda_version": card.cuda_version or "",
        "compute_capability": card.compute_capability or "",
        "simulated": str(card.is_simulated).lower(),
    }


def _dcgm_labels(card: GpuCard) -> Labels:
    return {"gpu": str(card.id), "UUID": card.uuid, "modelName": card.name, "Hostname": card.host}


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
