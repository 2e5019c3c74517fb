"""An installation at work, as the pages' tests see it: three cards, the team, a conversation, and things gone wrong."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from helios_core.models import (
    AgentProfile,
    AgentResponse,
    AgentStatus,
    Collector,
    ConversationPhase,
    GPUAllocation,
    GPUEvent,
    GPUProcess,
    GPUResource,
    GPUSample,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
    TaskSynthesis,
)
from helios_core.services.team import ensure_default_team, place_default_team
from helios_core.telemetry.rollups import roll_up

CARD_MIB = 12288
DOING = {
    "project_manager": (AgentStatus.WORKING, "Weighs 4 responses"),
    "technical_expert": (AgentStatus.WORKING, "Spot interruption handling"),
    "business_analyst": (AgentStatus.WORKING, "Cost model, 3 scenarios"),
    "creative_director": (AgentStatus.IDLE, None),
    "research_specialist": (AgentStatus.WORKING, "Reads price history"),
    "planning_expert": (AgentStatus.ONLINE, None),
    "socratic_expert": (AgentStatus.WORKING, "Questions the premise"),
    "wellbeing_coach": (AgentStatus.ONLINE, None),
    "personal_assistant": (AgentStatus.OFFLINE, None),
    "data_analyst": (AgentStatus.ERROR, "timeout, retry in 20 s"),
    "output_formatter": (AgentStatus.ONLINE, None),
    "quality_assurance": (AgentStatus.OVERLOADED, "5 waiting"),
}
TASKS = {
    "technical_expert": ("Spot interruption handling", 80, 41),
    "business_analyst": ("Cost model, 3 scenarios", 55, 38),
    "research_specialist": ("Price history of 90 days", 30, 36),
    "socratic_expert": ("What would make this wrong?", 65, 29),
    "data_analyst": ("Interruption rates by zone", None, 360),
}


def draw(session: Session) -> None:
    """Write the whole scene on behalf of the operator."""
    now = datetime.now(UTC)
    cards(session, now)
    samples(session)
    team(session, now)
    conversation(session, now)
    session.flush()


def cards(session: Session, now: datetime) -> None:
    """Three simulated cards: two well, one that slows itself down."""
    readings = [(62, 8294, 71, 198), (38, 9933, 64, 151), (91, 9421, 88, 243)]
    for index, (utilisation, used_mib, celsius, watts) in enumerate(readings):
        session.add(
            GPUResource(
                uuid=f"GPU-simulated-{index}", nvml_index=index, name="RTX Titan X", host="workstation",
                is_simulated=True, total_memory_mb=CARD_MIB, reserved_memory_mb=96, power_limit_watts=250,
                compute_capability="5.2", driver_version="simulated", slowdown_temperature_celsius=91,
                shutdown_temperature_celsius=96, max_temperature_celsius=83,
                health="critical" if celsius > 85 else "ok",
                health_message="It slows itself down at 88 °C." if celsius > 85 else None,
                current_utilization_percent=utilisation, current_memory_used_mb=used_mib,
                current_temperature_celsius=celsius, current_power_watts=watts, sampled_at=now,
                unsupported={"fan_percent": "not reported by this GPU", "ecc": "not reported by this GPU"},
            )
        )  # fmt: skip
    session.add(
        Collector(
            host="workstation", pid=4242, interval_seconds=1, is_simulated=True, last_success_at=now,
            started_at=now - timedelta(hours=5),
        )
    )  # fmt: skip
    session.flush()
    session.add(
        GPUEvent(gpu_id=2, severity="critical", message="slows itself down: software thermal slowdown",
                 occurred_at=now - timedelta(minutes=4))
    )  # fmt: skip
    session.add_all(
        [
            GPUProcess(gpu_id=0, pid=2101, name="ollama runner qwen2.5:7b", memory_used_mb=8100),
            GPUProcess(gpu_id=1, pid=2102, name="ollama runner llama3.1:8b", memory_used_mb=9700),
            GPUProcess(gpu_id=2, pid=2103, name="/usr/local/bin/ollama", memory_used_mb=None),
        ]
    )


def samples(session: Session) -> None:
    """An hour of single samples with a gap in it, and a week of rollups."""
    curve = """
        least(100, greatest(0, 30 + 12 * gpu + 22 * sin(extract(epoch FROM at) / 210.0 + gpu)
            + CASE WHEN extract(epoch FROM now() - at) BETWEEN 300 AND 1500 THEN 30 ELSE 0 END
            + 6 * sin(extract(epoch FROM at) / 7.0)))"""
    session.execute(
        text(
            f"""
            INSERT INTO gpu_samples (gpu_id, sampled_at, utilization_percent, memory_used_mb, temperature_celsius,
                power_watts, sm_clock_mhz, memory_clock_mhz, throttle_reasons)
            SELECT gpu, at, {curve}, 8200 + 500 * gpu + 120 * sin(extract(epoch FROM at) / 300.0),
                60 + 9 * gpu + {curve} / 10, 70 + 1.6 * {curve}, 1000 + 3 * {curve}, 3505,
                CASE WHEN gpu = 2 AND extract(epoch FROM now() - at) BETWEEN 240 AND 900 THEN 32
                     WHEN gpu = 1 AND extract(epoch FROM now() - at) BETWEEN 1200 AND 1500 THEN 4 ELSE 1 END
            FROM generate_series(0, 2) AS gpu,
                generate_series(now() - interval '1 hour', now(), interval '1 second') AS at
            WHERE gpu <> 1 OR extract(epoch FROM now() - at) NOT BETWEEN 2000 AND 2200
            """
        )
    )
    for seconds, history in ((10, "6 hours"), (60, "2 days"), (300, "2 days"), (3600, "8 days")):
        session.execute(
            text(
                f"""
                INSERT INTO gpu_sample_rollups (resolution_seconds, gpu_id, bucket_at, sample_count,
                    utilization_percent_avg, utilization_percent_max, memory_used_mb_avg, memory_used_mb_max,
                    temperature_celsius_avg, temperature_celsius_max, power_watts_avg, power_watts_max,
                    sm_clock_mhz_avg, memory_clock_mhz_avg, throttle_reasons)
                SELECT {seconds}, gpu, at, {seconds}, {curve}, least(100, {curve} + 5), 8200 + 500 * gpu,
                    8300 + 500 * gpu, 60 + 9 * gpu + {curve} / 10, 62 + 9 * gpu + {curve} / 10, 70 + 1.6 * {curve},
                    80 + 1.6 * {curve}, 1000 + 3 * {curve}, 3505,
                    CASE WHEN gpu = 2 AND extract(epoch FROM now() - at) BETWEEN 240 AND 900 THEN 32
                         WHEN gpu = 1 AND extract(epoch FROM now() - at) BETWEEN 1200 AND 1500 THEN 4 ELSE 1 END
                FROM generate_series(0, 2) AS gpu, generate_series(
                    date_bin('{seconds} seconds', now() - interval '{history}', 'epoch'), now(),
                    interval '{seconds} seconds') AS at
                WHERE gpu <> 1 OR extract(epoch FROM now() - at) NOT BETWEEN 2000 AND 2200
                """
            )
        )


def beat(session: Session) -> None:
    """Read the cards once more: a sample of each, a little later than the last."""
    now = datetime.now(UTC)
    for card in session.scalars(select(GPUResource)):
        card.sampled_at = now
        session.add(
            GPUSample(
                gpu_id=card.id, sampled_at=now, utilization_percent=card.current_utilization_percent,
                memory_used_mb=card.current_memory_used_mb, temperature_celsius=card.current_temperature_celsius,
                power_watts=card.current_power_watts, sm_clock_mhz=1380, memory_clock_mhz=3505,
                throttle_reasons=32 if card.id == 2 else 0,
            )
        )  # fmt: skip
    session.execute(update(Collector).values(last_success_at=now))
    session.flush()
    roll_up(session, 10, [0, 1, 2], now - timedelta(seconds=20))


def team(session: Session, now: datetime) -> None:
    """The default team on its cards, each doing something else; what runs takes a little less than was promised."""
    ensure_default_team(session)
    place_default_team(session)
    for agent_id, (status, note) in DOING.items():
        session.execute(
            update(AgentProfile)
            .where(AgentProfile.agent_id == agent_id)
            .values(status=status, status_note=note, status_since=now - timedelta(minutes=12))
        )
    for allocation in session.scalars(select(GPUAllocation)):
        allocation.current_memory_usage_mb = round(allocation.allocated_memory_mb * 0.9)


def conversation(session: Session, now: datetime) -> None:
    """A conversation under way, one of whose experts is stuck, and one that ended without much agreement."""
    talk = MultiAgentConversation(
        title="Should we move our nightly batch jobs to spot instances?", question="Should we move our nightly jobs?",
        pm_agent_id="project_manager", current_phase=ConversationPhase.PROCESSING, source="live",
        started_at=now - timedelta(minutes=7),
    )  # fmt: skip
    session.add(talk)
    session.flush()
    for position, (agent_id, (task, percent, seconds)) in enumerate(TASKS.items()):
        session.add(
            TaskDelegation(
                conversation_id=talk.id, pm_agent_id="project_manager", target_agent_id=agent_id,
                task_description=task, status=TaskDelegationStatus.IN_PROGRESS, progress_percent=percent,
                position=position, timeout_seconds=120, attempt=2 if percent is None else 1,
                delegated_at=now - timedelta(seconds=seconds), started_at=now - timedelta(seconds=seconds),
                created_at=now - timedelta(seconds=seconds),
            )
        )  # fmt: skip
    doubtful(session, now)


def doubtful(session: Session, now: datetime) -> None:
    """Four experts who did not agree."""
    talk = MultiAgentConversation(
        title="Which database for the event store?", question="Which database for the event store?",
        pm_agent_id="project_manager", current_phase=ConversationPhase.COMPLETION, outcome="completed", source="live",
        consensus_score=0.38, started_at=now - timedelta(hours=2), ended_at=now - timedelta(hours=1, minutes=57),
        created_at=now - timedelta(hours=2),
    )  # fmt: skip
    session.add(talk)
    session.flush()
    for agent_id in ("technical_expert", "business_analyst", "data_analyst", "socratic_expert"):
        task = TaskDelegation(
            conversation_id=talk.id, pm_agent_id="project_manager", target_agent_id=agent_id,
            task_description="Weigh the candidates", status=TaskDelegationStatus.COMPLETED, progress_percent=100,
            delegated_at=now - timedelta(hours=2), started_at=now - timedelta(hours=2),
            completed_at=now - timedelta(hours=1, minutes=58), created_at=now - timedelta(hours=2),
        )  # fmt: skip
        session.add(task)
        session.flush()
        session.add(
            AgentResponse(
                delegation_id=task.id, conversation_id=talk.id, agent_id=agent_id, content="It depends.",
                model_name="llama3.1:8b", quality_score=0.7, created_at=now - timedelta(hours=1, minutes=58),
            )
        )  # fmt: skip
    session.add(
        TaskSynthesis(
            conversation_id=talk.id, synthesizer_agent_id="project_manager", content="PostgreSQL, with reservations.",
            consensus_score=0.38, effective_votes=2.6, created_at=now - timedelta(hours=1, minutes=57),
        )
    )  # fmt: skip
