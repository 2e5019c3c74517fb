"""The consensus of a synthesis, written: its claims, where experts stand on them, and what that amounts to."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.measures.consensus import Consensus, DrawnClaim, disputed
from helios_core.models import ClaimStance, MultiAgentConversation, SynthesisClaim, TaskSynthesis
from helios_core.services.permissions import Action, require


def write_consensus(
    session: Session,
    synthesis_id: int,
    claims: Sequence[DrawnClaim],
    found: Consensus,
    response_ids: Sequence[int],
    *,
    model_name: str | None = None,
    prompt_version: str | None = None,
) -> None:
    """Keep the claims and stances of a synthesis and its consensus, in place of what was kept before.

    `response_ids`: those of the responses, in the order in which claims were drawn from them; `model_name`,
    `prompt_version`: what drew them. The conversation's agreement is that of its newest synthesis.
    """
    require(session, Action.WORK_IN_CONVERSATIONS)
    query = select(TaskSynthesis).where(TaskSynthesis.id == synthesis_id).with_for_update()
    synthesis = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if synthesis is None:
        raise NotFound(f"There is no synthesis {synthesis_id}.")
    synthesis.contributions = [
        {"response_id": response_ids[part.response], "agent_id": part.agent_id, "weight": part.weight}
        for part in found.contributions
    ]
    synthesis.conflicts = [
        {"claim": claim.text, "stances": {stance.agent_id: stance.position for stance in claim.stances}}
        for claim in disputed(claims)
    ]
    synthesis.minority_report = found.minority_report
    synthesis.consensus_score = found.score
    synthesis.effective_votes = found.effective_votes
    session.execute(delete(SynthesisClaim).where(SynthesisClaim.synthesis_id == synthesis_id))
    _add_claims(session, synthesis, claims, response_ids, (model_name, prompt_version))
    _pass_on(session, synthesis)
    session.flush()


def _add_claims(
    session: Session,
    synthesis: TaskSynthesis,
    claims: Sequence[DrawnClaim],
    response_ids: Sequence[int],
    drawn_by: tuple[str | None, str | None],
) -> None:
    model_name, prompt_version = drawn_by
    rows = [
        SynthesisClaim(
            user_id=synthesis.user_id,
            synthesis_id=synthesis.id,
            position=position,
            content=claim.text,
            model_name=model_name,
            prompt_version=prompt_version,
        )
        for position, claim in enumerate(claims)
    ]
    session.add_all(rows)
    session.flush()
    session.add_all(
        ClaimStance(
            user_id=synthesis.user_id,
            claim_id=row.id,
            agent_id=stance.agent_id,
            response_id=response_ids[stance.response],
            stance=stance.position,
            quote=stance.quote,
        )
        for row, claim in zip(rows, claims, strict=True)
        for stance in claim.stances
    )


def _pass_on(session: Session, synthesis: TaskSynthesis) -> None:
    """Let the conversation agree as far as its newest synthesis does."""
    if synthesis.conversation_id is None:
        return
    newer = select(TaskSynthesis.id).where(
        TaskSynthesis.conversation_id == synthesis.conversation_id, TaskSynthesis.id > synthesis.id
    )
    conversation = session.get(MultiAgentConversation, synthesis.conversation_id)
    if conversation is not None and session.scalar(newer.limit(1)) is None:
        conversation.consensus_score = synthesis.consensus_score
