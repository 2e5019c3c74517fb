"""The five enums of the framework, with exactly their values."""

from enum import StrEnum

from sqlalchemy import Enum


class AgentStatus(StrEnum):
    """What an agent is doing."""

    ONLINE = "online"
    WORKING = "working"
    IDLE = "idle"
    OFFLINE = "offline"
    ERROR = "error"
    OVERLOADED = "overloaded"


class TaskDelegationStatus(StrEnum):
    """How far a delegation has come."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"


class ConversationPhase(StrEnum):
    """The phases of a conversation, in their order."""

    INITIALIZATION = "initialization"
    INGESTION = "ingestion"
    PLANNING = "planning"
    DELEGATION = "delegation"
    PROCESSING = "processing"
    SYNTHESIS = "synthesis"
    REVIEW = "review"
    COMPLETION = "completion"


class GPUAllocationStatus(StrEnum):
    """The state of a promise of GPU memory and compute to an agent."""

    ACTIVE = "active"
    IDLE = "idle"
    OVERLOADED = "overloaded"
    ERROR = "error"
    MAINTENANCE = "maintenance"


class ModelProvider(StrEnum):
    """Who serves a model."""

    OLLAMA = "ollama"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    HUGGINGFACE = "huggingface"


def native(enum: type[StrEnum]) -> Enum:
    """The PostgreSQL enum of `enum`: the type is its name in lower case, the labels are its values."""
    return Enum(enum, name=enum.__name__.lower(), values_callable=lambda members: [member.value for member in members])
