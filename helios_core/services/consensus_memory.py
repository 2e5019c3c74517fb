"""The consensus memory of the platform: a knowledge graph of what the team found out, from what, and with what doubts.

A synthesis becomes a node, each response that went into it another, and so does each claim on which the experts did not
agree. Edges say how they relate: a response `contributes_to` the synthesis, and `supports`, `opposes` or `qualifies` a
claim; the claim is `disputed_in` the synthesis.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import (
    AgentResponse,
    ConsensusMemoryEdge,
    ConsensusMemoryNode,
    MultiAgentConversation,
    TaskSynthesis,
)
from helios_core.services.permissions import Action, require
from helios_core.views.syntheses import Claim, Contribution, find_synthesis

RELATIONS = {"for": "supports", "against": "opposes", "qualified": "qualifies"}
"""The edge from a response to a claim, by the stance of its agent."""

Node = Mapping[str, Any]
"""The columns of a node: all of a synthesis are added at once."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A response that went into the synthesis, with its node."""

    agent_id: str
    weight: float | None
    node: Node


def join(session: Session, synthesis_id: int) -> UUID:
    """Let a synthesis join the graph, once; the id of its node, to which the synthesis is linked."""
    require(session, Action.WORK_IN_CONVERSATIONS)
    synthesis = _locked(session, synthesis_id)
    if synthesis.consensus_node_id is not None:
        return synthesis.consensus_node_id
    read = find_synthesis(session, synthesis_id)
    node = _synthesis_node(session, synthesis)
    sources = _sources(session, synthesis, read.contributions)
    claims = [(claim, _node(synthesis, "claim", claim.text, None, {})) for claim in read.conflicts]
    nodes = [node, *(source.node for source in sources), *(claim_node for _, claim_node in claims)]
    session.execute(insert(ConsensusMemoryNode), nodes)
    edges = list(_edges(synthesis.user_id, node, sources, claims))
    if edges:
        session.execute(insert(ConsensusMemoryEdge), edges)
    synthesis.consensus_node_id = node["id"]
    session.flush()
    return synthesis.consensus_node_id


def _locked(session: Session, synthesis_id: int) -> TaskSynthesis:
    query = select(TaskSynthesis).where(TaskSynthesis.id == synthesis_id)
    synthesis = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if synthesis is None:
        message = f"There is no synthesis {synthesis_id}."
        raise NotFound(message)
    return synthesis


def _synthesis_node(session: Session, synthesis: TaskSynthesis) -> Node:
    asked = session.execute(
        select(MultiAgentConversation.question, MultiAgentConversation.title).where(
            MultiAgentConversation.user_id == synthesis.user_id,
            MultiAgentConversation.id == synthesis.conversation_id,
        )
    ).one_or_none()
    attributes = {
        "question": (asked.question or asked.title) if asked else None,
        "agent_id": synthesis.synthesizer_agent_id,
        "effective_votes": synthesis.effective_votes,
        "minority_report": synthesis.minority_report,
    }
    return _node(synthesis, "synthesis", synthesis.content, synthesis.consensus_score, attributes)


def _sources(session: Session, synthesis: TaskSynthesis, contributions: Sequence[Contribution]) -> list[_Source]:
    weights = {part.response_id: part.weight for part in contributions if part.response_id is not None}
    responses = session.scalars(
        select(AgentResponse)
        .where(AgentResponse.user_id == synthesis.user_id, AgentResponse.id.in_(weights))
        .order_by(AgentResponse.id)
    )
    return [_source(synthesis, response, weights[response.id]) for response in responses]


def _source(synthesis: TaskSynthesis, response: AgentResponse, weight: float | None) -> _Source:
    attributes = {"agent_id": response.agent_id, "response_id": response.id, "model_name": response.model_name}
    node = _node(synthesis, "response", response.content, response.confidence_score, attributes)
    return _Source(response.agent_id, weight, node)


def _node(
    synthesis: TaskSynthesis, node_type: str, content: str, confidence: float | None, attributes: Mapping[str, object]
) -> Node:
    # The user is named: a host's own table fills nothing in.
    return {
        "id": uuid4(),
        "user_id": synthesis.user_id,
        "session_id": synthesis.session_id,
        "node_type": node_type,
        "content": content,
        "confidence": confidence,
        "attributes": {"synthesis_id": synthesis.id, "conversation_id": synthesis.conversation_id, **attributes},
    }


def _edges(
    user_id: int,
    synthesis: Node,
    sources: Sequence[_Source],
    claims: Sequence[tuple[Claim, Node]],
) -> Iterator[dict[str, object]]:
    for source in sources:
        yield _edge(user_id, source.node, synthesis, "contributes_to", source.weight)
    for claim, node in claims:
        yield _edge(user_id, node, synthesis, "disputed_in")
        for source in sources:
            if relation := RELATIONS.get(claim.stances.get(source.agent_id, "")):
                yield _edge(user_id, source.node, node, relation)


def _edge(user_id: int, source: Node, target: Node, relation: str, weight: float | None = None) -> dict[str, object]:
    is_share = weight is not None and 0 <= weight <= 1
    return {
        "user_id": user_id,
        "source_node_id": source["id"],
        "target_node_id": target["id"],
        "relation": relation,
        "weight": weight if is_share else None,
    }
