"""The consensus of a synthesis, written: its claims, where experts stand on them, and what that amounts to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.rows import insert_rows
from helios_core.database.sending import ask, send
from helios_core.measures.consensus import Consensus, DrawnClaim, disputed
from helios_core.models import ClaimStance, SynthesisClaim, TaskSynthesis
from helios_core.services import blackboard, consensus_memory
from helios_core.services.permissions import Action, require
from helios_core.services.transcripts import NewMessage, append


@dataclass(frozen=True, slots=True)
class NewSynthesis:
    """What was made of a conversation's responses, and how far these agree.

    `response_ids`: those of the responses, in the order in which claims were drawn from them; `model_name`,
    `prompt_version`: what drew them.
    """

    user_id: int
    conversation_id: int
    chat_id: UUID | None
    agent_id: str
    content: str
    claims: Sequence[DrawnClaim]
    found: Consensus
    response_ids: Sequence[int]
    model_name: str | None = None
    prompt_version: str | None = None
    message: NewMessage | None = None
    """As which it stands in the transcript."""


NEXT = text(
    "SELECT nextval('task_synthesis_id_seq') AS id, (SELECT coalesce(max(position), -1) + 1 "
    "FROM conversation_messages WHERE conversation_id = :conversation) AS position"
)
AGREE = text(
    "UPDATE multi_agent_conversations SET consensus_score = :score, updated_at = now() "
    "WHERE user_id = :user AND id = :conversation"
)


def conclude(session: Session, new: NewSynthesis, *, question: str | None = None) -> int:
    """Write a synthesis with its claims and stances, and announce it; its id. The conversation agrees as far as it.

    `question`: what it answers, where it joins the consensus memory at once.
    """
    require(session, Action.WORK_IN_CONVERSATIONS)
    asked = ask(session, NEXT, {"conversation": new.conversation_id})
    responses = None if question is None else consensus_memory.ask_responses(session, new.user_id, new.response_ids)
    taken = asked.one()
    if new.message is not None:
        append(session, [new.message])
    row = {**_row(new), "id": taken.id, "position": None if new.message is None else taken.position}
    node_id = None if responses is None else consensus_memory.add(session, {**row, "asked": question}, responses.all())
    insert_rows(session, TaskSynthesis, [{**row, "consensus_node_id": node_id}])
    _add_claims(session, taken.id, new)
    agreed = {"score": new.found.score, "user": new.user_id, "conversation": new.conversation_id}
    send(session, AGREE, agreed)
    blackboard.announce_new_synthesis(session, row)
    return int(taken.id)


def _row(new: NewSynthesis) -> dict[str, Any]:
    return {
        "user_id": new.user_id,
        "conversation_id": new.conversation_id,
        "session_id": new.chat_id,
        "synthesizer_agent_id": new.agent_id,
        "content": new.content.replace("\x00", ""),
        "contributions": [
            {"response_id": new.response_ids[part.response], "agent_id": part.agent_id, "weight": part.weight}
            for part in new.found.contributions
        ],
        "conflicts": [
            {"claim": claim.text, "stances": {stance.agent_id: stance.position for stance in claim.stances}}
            for claim in disputed(new.claims)
        ],
        "minority_report": new.found.minority_report,
        "consensus_score": new.found.score,
        "effective_votes": new.found.effective_votes,
    }


def _add_claims(session: Session, synthesis_id: int, new: NewSynthesis) -> None:
    claims = [
        {
            "user_id": new.user_id,
            "synthesis_id": synthesis_id,
            "position": position,
            "content": claim.text,
            "model_name": new.model_name,
            "prompt_version": new.prompt_version,
        }
        for position, claim in enumerate(new.claims)
    ]
    ids = {row.position: row.id for row in insert_rows(session, SynthesisClaim, claims, "id", "position")}
    stances = [
        {
            "user_id": new.user_id,
            "claim_id": ids[position],
            "agent_id": stance.agent_id,
            "response_id": new.response_ids[stance.response],
            "stance": stance.position,
            "quote": stance.quote,
        }
        for position, claim in enumerate(new.claims)
        for stance in claim.stances
    ]
    insert_rows(session, ClaimStance, stances)
