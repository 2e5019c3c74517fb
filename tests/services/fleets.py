"""Cards and agents for the tests of placement, written straight into the tables."""

from sqlalchemy.orm import Session

from helios_core.models import GPUResource
from helios_core.services.agents import create_agent

MODEL = "llama3.1:8b"


def cards(session: Session, *memories_mib: int, **values: object) -> list[int]:
    """One card for each of these memories; their numbers."""
    before = session.query(GPUResource).count()
    rows = [
        GPUResource(
            **{
                "uuid": f"SIM-{before + place}",
                "name": "RTX Titan X",
                "host": "desk",
                "is_simulated": True,
                "health": "ok",
                "total_memory_mb": memory,
                **values,
            }
        )
        for place, memory in enumerate(memories_mib)
    ]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def agent(session: Session, agent_id: str, memory_mib: int | None = 4000, **values: object) -> str:
    """An agent of all users that takes so much memory, on a model of its own unless one is named."""
    create_agent(
        session,
        agent_id,
        agent_id.replace("_", " ").title(),
        {
            "model_provider": "ollama",
            "assigned_llm": f"model-of-{agent_id}",
            "system_prompt": "You test.",
            "allocated_memory_mb": memory_mib,
            **values,
        },
    )
    return agent_id
