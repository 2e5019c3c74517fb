"""The consensus memory of the platform: a knowledge graph of what the team found out, from what, and with what doubts.

A synthesis becomes a node, each response that went into it another, and so does each claim on which the experts did not
agree. Edges say how they relate: a response `contributes_to` the synthesis, and `supports`, `opposes` or `qualifies` a
claim; the claim is `disputed_in` the synthesis.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.rows import insert_rows
from helios_core.database.sending import Asked, ask, send
from helios_core.errors import NotFound
from helios_core.models import ConsensusMemoryEdge, ConsensusMemoryNode
from helios_core.services.permissions import Action, require
from helios_core.views.syntheses import Claim, Contribution, claims_of, contributions_of

RELATIONS = {"for": "supports", "against": "opposes", "qualified": "qualifies"}
"""The edge from a response to a claim, by the stance of its agent."""

Synthesis = Mapping[str, Any]
"""The columns of a synthesis, and what was `asked`."""
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
    session.flush()
    of = {"synthesis": synthesis_id}
    asked, responses = ask(session, LOCKED, of), ask(session, RESPONSES, of)
    synthesis = asked.first()
    if synthesis is None:
        message = f"There is no synthesis {synthesis_id}."
        raise NotFound(message)
    if synthesis.consensus_node_id is not None:
        joined: UUID = synthesis.consensus_node_id
        return joined
    node_id = add(session, synthesis._asdict(), responses.all())
    send(session, LINK, {"node": node_id, "synthesis": synthesis_id})
    return node_id


def ask_responses(session: Session, user_id: int, response_ids: Sequence[int]) -> Asked:
    """Ask for the responses from which a synthesis is about to be made."""
    return ask(session, RESPONSES_BY_ID, {"user": user_id, "responses": list(response_ids)})


def add(session: Session, synthesis: Synthesis, responses: Sequence[Any]) -> UUID:
    """Add the nodes of a synthesis, and of the responses and claims in it; the id of its own, to link it to."""
    node = _synthesis_node(synthesis)
    sources = _sources(synthesis, responses, contributions_of(synthesis["contributions"]))
    claims = [(claim, _node(synthesis, "claim", claim.text, None, {})) for claim in claims_of(synthesis["conflicts"])]
    nodes = [node, *(source.node for source in sources), *(claim_node for _, claim_node in claims)]
    insert_rows(session, ConsensusMemoryNode, nodes)
    insert_rows(session, ConsensusMemoryEdge, list(_edges(synthesis["user_id"], node, sources, claims)))
    added: UUID = node["id"]
    return added


LOCKED = text(
    "SELECT s.id, s.user_id, s.session_id, s.conversation_id, s.synthesizer_agent_id, s.content, s.contributions, "
    "s.conflicts, s.minority_report, s.consensus_score, s.effective_votes, s.consensus_node_id, "
    "coalesce(nullif(c.question, ''), c.title) AS asked FROM task_synthesis s "
    "LEFT JOIN multi_agent_conversations c ON c.user_id = s.user_id AND c.id = s.conversation_id "
    "WHERE s.id = :synthesis FOR UPDATE OF s"
)
LINK = text("UPDATE task_synthesis SET consensus_node_id = :node WHERE id = :synthesis")
COLUMNS = "r.id, r.agent_id, r.content, r.confidence_score, r.model_name"
RESPONSES_BY_ID = text(
    f"SELECT {COLUMNS} FROM agent_responses r WHERE r.user_id = :user AND r.id = ANY (:responses) ORDER BY r.id"  # noqa: S608 (our names)
)
RESPONSES = text(
    f"SELECT {COLUMNS} FROM task_synthesis s, "  # noqa: S608 (our names)
    "jsonb_path_query(s.contributions, '$[*].response_id ? (@ >= 0 && @ <= 9223372036854775807)') AS part, "
    "agent_responses r "
    "WHERE s.id = :synthesis AND r.user_id = s.user_id AND r.id = CAST(part AS bigint) ORDER BY r.id"
)


def _synthesis_node(synthesis: Synthesis) -> Node:
    attributes = {
        "question": synthesis["asked"],
        "agent_id": synthesis["synthesizer_agent_id"],
        "effective_votes": synthesis["effective_votes"],
        "minority_report": synthesis["minority_report"],
    }
    return _node(synthesis, "synthesis", synthesis["content"], synthesis["consensus_score"], attributes)


def _sources(synthesis: Synthesis, responses: Sequence[Any], contributions: Sequence[Contribution]) -> list[_Source]:
    weights = {part.response_id: part.weight for part in contributions if part.response_id is not None}
    return [_source(synthesis, response, weights[response.id]) for response in responses]


def _source(synthesis: Synthesis, response: Any, weight: float | None) -> _Source:  # noqa: ANN401 - a row
    attributes = {"agent_id": response.agent_id, "response_id": response.id, "model_name": response.model_name}
    node = _node(synthesis, "response", response.content, response.confidence_score, attributes)
    return _Source(response.agent_id, weight, node)


def _node(
    synthesis: Synthesis, node_type: str, content: str, confidence: float | None, attributes: Mapping[str, object]
) -> Node:
    # The user is named: a host's own table fills nothing in.
    return {
        "id": uuid4(),
        "user_id": synthesis["user_id"],
        "session_id": synthesis["session_id"],
        "node_type": node_type,
        "content": content,
        "confidence": confidence,
        "attributes": {"synthesis_id": synthesis["id"], "conversation_id": synthesis["conversation_id"], **attributes},
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
