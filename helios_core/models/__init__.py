"""Every table and enum of Helios, and the platform tables that it extends."""

from helios_core.models.agents import AgentConfiguration, AgentConfigurationVersion, AgentProfile
from helios_core.models.base import Base
from helios_core.models.conversations import (
    AgentParticipation,
    ConversationMessage,
    ConversationPhaseSpan,
    MultiAgentConversation,
)
from helios_core.models.delegations import AgentResponse, TaskDelegation, TaskSynthesis
from helios_core.models.enums import (
    AgentStatus,
    ConversationPhase,
    GPUAllocationStatus,
    ModelProvider,
    TaskDelegationStatus,
)
from helios_core.models.governance import AlertAcknowledgement, ApiKey, AuditEvent, FeatureActivation, RetentionRule
from helios_core.models.gpus import (
    Collector,
    GPUAllocation,
    GPUEvent,
    GPUProcess,
    GPUResource,
    GPUSample,
    GPUSampleRollup,
)
from helios_core.models.placement import (
    GPUTrouble,
    ModelFact,
    ModelMeasurement,
    PlacementDecision,
    PlacementLease,
    PlacementMove,
    PlacementPlan,
    PlacementQuota,
)
from helios_core.models.platform import (
    PLATFORM_TABLES,
    AgentContextState,
    BlackboardEvent,
    ChatModeSession,
    ConsensusMemoryEdge,
    ConsensusMemoryNode,
    User,
    UserProfile,
    ValidationCheckpoint,
)
from helios_core.models.providers import ProviderEndpoint
from helios_core.models.rules import LoadBalancingRule, ResourceConstraint
from helios_core.models.runs import AnswerDraft, CardLease, ConversationRun, Worker
from helios_core.models.scores import ClaimStance, ConversationFinding, JudgeModel, QualityScore, SynthesisClaim

__all__ = [
    "PLATFORM_TABLES",
    "AgentConfiguration",
    "AgentConfigurationVersion",
    "AgentContextState",
    "AgentParticipation",
    "AgentProfile",
    "AgentResponse",
    "AgentStatus",
    "AlertAcknowledgement",
    "AnswerDraft",
    "ApiKey",
    "AuditEvent",
    "Base",
    "BlackboardEvent",
    "CardLease",
    "ChatModeSession",
    "ClaimStance",
    "Collector",
    "ConsensusMemoryEdge",
    "ConsensusMemoryNode",
    "ConversationFinding",
    "ConversationMessage",
    "ConversationPhase",
    "ConversationPhaseSpan",
    "ConversationRun",
    "FeatureActivation",
    "GPUAllocation",
    "GPUAllocationStatus",
    "GPUEvent",
    "GPUProcess",
    "GPUResource",
    "GPUSample",
    "GPUSampleRollup",
    "GPUTrouble",
    "JudgeModel",
    "LoadBalancingRule",
    "ModelFact",
    "ModelMeasurement",
    "ModelProvider",
    "MultiAgentConversation",
    "PlacementDecision",
    "PlacementLease",
    "PlacementMove",
    "PlacementPlan",
    "PlacementQuota",
    "ProviderEndpoint",
    "QualityScore",
    "ResourceConstraint",
    "RetentionRule",
    "SynthesisClaim",
    "TaskDelegation",
    "TaskDelegationStatus",
    "TaskSynthesis",
    "User",
    "UserProfile",
    "ValidationCheckpoint",
    "Worker",
]
